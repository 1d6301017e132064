package prometheus

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-dns/rollcall/resolver/internal/endpoint"
)

// ServerConfig says where metrics are served, and which.
type ServerConfig struct {
	Address  string       // host:port; not used with a Listener
	Listener net.Listener // owned by the Server from NewServer on
	Gatherer prometheus.Gatherer
	Logger   *slog.Logger // nil logs nothing
}

// Server is the metrics endpoint.
type Server struct{ endpoint *endpoint.Server }

// NewServer listens. The Server answers once Run is called.
func NewServer(cfg ServerConfig) (*Server, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // some metrics are better than none
	}))
	e, err := endpoint.New(endpoint.Config{
		Address: cfg.Address, Listener: cfg.Listener, Handler: mux, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	return &Server{e}, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.endpoint.Addr() }

// Close closes the listener of a Server that Run was not called on.
func (s *Server) Close() error { return s.endpoint.Close() }

// Run answers until the context is done. It must be called once. It returns
// nil if the context ended it.
func (s *Server) Run(ctx context.Context) error {
	if err := s.endpoint.Run(ctx); err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	return nil
}

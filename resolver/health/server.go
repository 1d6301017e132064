package health

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/internal/endpoint"
)

// path is the endpoint's only one.
const path = "/health"

// Server is the health endpoint.
type Server struct {
	endpoint *endpoint.Server
	check    selfCheck
}

// New listens. The Server answers once Run is called.
func New(cfg Config) (*Server, error) {
	if cfg.Address == "" {
		cfg.Address = DefaultAddress
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Interval <= 0 {
		cfg.Interval = time.Second
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("health: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		// An error here is the client's going away.
		_, _ = io.WriteString(w, "OK")
	})
	e, err := endpoint.New(endpoint.Config{
		Address: cfg.Address, Listener: cfg.Listener, Handler: mux, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("health: %w", err)
	}
	return &Server{endpoint: e, check: newSelfCheck(e.Addr(), m, cfg)}, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.endpoint.Addr() }

// Close closes the listener of a Server that Run was not called on.
func (s *Server) Close() error { return s.endpoint.Close() }

// Run answers, and checks itself, until the context is done. It must be
// called once. It returns nil if the context ended it.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var checks sync.WaitGroup
	checks.Go(func() { s.check.run(ctx) })
	err := s.endpoint.Run(ctx)
	cancel()
	checks.Wait()
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	return nil
}

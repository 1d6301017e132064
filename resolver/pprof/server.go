package pprof

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"

	"github.com/rollcall-dns/rollcall/resolver/internal/endpoint"
)

// path is below which everything is.
const path = "/debug/pprof"

// Server is the endpoint.
type Server struct {
	endpoint  *endpoint.Server
	blockRate int
}

// New listens. The Server answers once Run is called.
func New(c Config) (*Server, error) {
	if c.Address == "" {
		c.Address = DefaultAddress
	}
	mux := http.NewServeMux()
	mux.Handle(path, http.RedirectHandler(path+"/", http.StatusFound))
	mux.HandleFunc(path+"/", pprof.Index)
	mux.HandleFunc(path+"/cmdline", pprof.Cmdline)
	mux.HandleFunc(path+"/symbol", pprof.Symbol)
	// These take as long as the client asks for, and put off the endpoint's bound on
	// writing themselves.
	mux.HandleFunc(path+"/profile", pprof.Profile)
	mux.HandleFunc(path+"/trace", pprof.Trace)
	e, err := endpoint.New(endpoint.Config{Address: c.Address, Listener: c.Listener, Handler: mux, Logger: c.Logger})
	if err != nil {
		return nil, fmt.Errorf("pprof: %w", err)
	}
	return &Server{e, c.BlockRate}, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.endpoint.Addr() }

// Close closes the listener of a Server that Run was not called on.
func (s *Server) Close() error { return s.endpoint.Close() }

// Run sets the rate of the block profile, of which a process has one: the last Run
// counts. It answers until the context is done. It must be called once. It returns
// nil if the context ended it. A profile under way then is given up after five
// seconds.
func (s *Server) Run(ctx context.Context) error {
	runtime.SetBlockProfileRate(s.blockRate)
	if err := s.endpoint.Run(ctx); err != nil {
		return fmt.Errorf("pprof: %w", err)
	}
	return nil
}

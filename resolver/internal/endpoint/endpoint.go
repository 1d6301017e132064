package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// ioTimeout bounds each of: reading a request, writing an answer, and
	// the idle time between two. It is above the probes' usual period of
	// a few seconds, and low enough that slow clients hold no sockets.
	ioTimeout = 5 * time.Second
	// shutdownTimeout bounds how long Run waits for requests under way.
	shutdownTimeout = 5 * time.Second
	// maxHeader is the size of a request's header in bytes; probes send a few hundred.
	maxHeader = 16 << 10
)

// Config says where to listen and what to answer.
type Config struct {
	Address  string       // host:port; not used with a Listener
	Listener net.Listener // owned by the Server from New on
	Handler  http.Handler // must not be nil
	Logger   *slog.Logger // for clients' faults, at debug level; nil logs nothing
}

// Server is an HTTP server with a listener that is open already.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// New listens, so that an address in use is an error at once. Requests wait in
// the listener until Run.
func New(cfg Config) (*Server, error) {
	l := cfg.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", cfg.Address); err != nil {
			return nil, err // it names the operation and the address
		}
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Server{
		listener: l,
		server: &http.Server{
			Handler:           cfg.Handler,
			ReadHeaderTimeout: ioTimeout,
			ReadTimeout:       ioTimeout,
			WriteTimeout:      ioTimeout,
			IdleTimeout:       ioTimeout,
			MaxHeaderBytes:    maxHeader,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Addr returns the address listened on, with the port that was chosen for 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until the context is done, then closes the listener and lets
// requests under way finish, for five seconds at most. It returns nil if that
// is how it ended. It must be called once; Close is for a Server that never runs.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := s.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	<-served // always http.ErrServerClosed by now
	return err
}

// Close closes the listener of a Server that Run was not called on.
func (s *Server) Close() error { return s.listener.Close() }

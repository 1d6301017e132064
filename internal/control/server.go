package control

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// Server serves the API of one Control. A nil one does nothing.
type Server struct {
	control  *assemble.Control
	listener net.Listener
	http     http.Server
	ended    chan struct{}
}

// Listen opens addr and serves there until Close. An empty address is no Server, nil.
// log is told of failures, and may be nil.
func Listen(addr string, log *slog.Logger) (*Server, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := listen(addr)
	if err != nil {
		return nil, fmt.Errorf("-control %s: %w", addr, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{control: assemble.NewControl(0), listener: l, ended: make(chan struct{})}
	_, unix := l.(*unixListener)
	s.http = http.Server{
		Handler:           guard(Handler(s.control), !unix),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the control API ended", "err", err)
		}
	}()
	return s, nil
}

// Control returns what the Server serves, for the process that it is of; nil for none.
func (s *Server) Control() *assemble.Control {
	if s == nil {
		return nil
	}
	return s.control
}

// Addr returns where the Server listens: unix:PATH, or http://host:port.
func (s *Server) Addr() string {
	if s == nil {
		return ""
	}
	if l, ok := s.listener.(*unixListener); ok {
		return unixPrefix + l.path
	}
	return "http://" + s.listener.Addr().String()
}

// Close ends the Server.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	<-s.ended
	return err
}

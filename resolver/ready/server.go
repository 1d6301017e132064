package ready

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/internal/endpoint"
)

// Server is the ready endpoint.
type Server struct {
	endpoint *endpoint.Server
	checks   []*memory
	log      *slog.Logger
	hold     time.Duration
	ended    <-chan struct{} // with Run
	was      atomic.Bool     // ready, at some time
	draining atomic.Bool

	mu   sync.Mutex
	said string // the names logged last, guarded by mu
}

// memory is a check and whether it need not be asked any more.
type memory struct {
	Check
	forever bool // whether one yes is enough
	yes     atomic.Bool
}

// ready asks the check, unless its earlier yes still counts.
func (m *memory) ready() bool {
	if m.forever && m.yes.Load() {
		return true
	}
	ok := m.Ready()
	if ok {
		m.yes.Store(true)
	}
	return ok
}

// New listens. The Server answers once Run is called.
func New(cfg Config) (*Server, error) {
	if cfg.Address == "" {
		cfg.Address = DefaultAddress
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: cfg.Logger, hold: cfg.Hold}
	for _, c := range cfg.Checks {
		s.checks = append(s.checks, &memory{Check: c, forever: !cfg.Continuously})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", s.answer)
	var err error
	s.endpoint, err = endpoint.New(endpoint.Config{
		Address: cfg.Address, Listener: cfg.Listener, Handler: mux, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("ready: %w", err)
	}
	return s, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() net.Addr { return s.endpoint.Addr() }

// Close closes the listener of a Server that Run was not called on.
func (s *Server) Close() error { return s.endpoint.Close() }

// Run answers until the context is done. It must be called once. It returns
// nil if the context ended it.
func (s *Server) Run(ctx context.Context) error {
	s.ended = ctx.Done()
	if err := s.endpoint.Run(ctx); err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	return nil
}

// Drain makes the answer 503 from now on, whatever the checks say. It is for
// the end of lameduck, when DNS sockets are about to close.
func (s *Server) Drain() { s.draining.Store(true) }

// NotReady returns the names of the checks that are not ready, sorted and each
// once.
func (s *Server) NotReady() []string {
	var names []string
	for _, c := range s.checks {
		if !c.ready() {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// answer is the HTTP handler. An error of writing is the client's going away.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	notReady := s.settled(r.Context())
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "shutting down")
		return
	}
	names := strings.Join(notReady, ",")
	s.logChange(names)
	if names != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, names)
		return
	}
	_, _ = io.WriteString(w, "OK")
}

// holdPoll is how often it is looked whether a request need not be held any more.
const holdPoll = 5 * time.Millisecond

// settled returns NotReady, of now or, if the server has never been ready, as soon
// as it is: it waits for that for the time that requests are held, while ctx and
// the server last.
func (s *Server) settled(ctx context.Context) []string {
	names := s.NotReady()
	if s.hold > 0 && !s.was.Load() {
		timeout := time.NewTimer(s.hold)
		defer timeout.Stop()
		tick := time.NewTicker(holdPoll)
		defer tick.Stop()
		for held := true; held && len(names) > 0 && !s.draining.Load(); names = s.NotReady() {
			select {
			case <-tick.C:
			case <-timeout.C:
				held = false
			case <-ctx.Done():
				held = false
			case <-s.ended:
				held = false
			}
		}
	}
	if len(names) == 0 {
		s.was.Store(true)
	}
	return names
}

// logChange logs who is not ready when that has changed, rather than at each
// probe.
func (s *Server) logChange(names string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if names == s.said {
		return
	}
	s.said = names
	if names == "" {
		s.log.Info("ready")
	} else {
		s.log.Info("not ready", "waiting_for", names)
	}
}

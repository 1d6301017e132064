package file

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "file"

// ErrNotRead is why a query is SERVFAIL in a zone whose file is not there yet.
var ErrNotRead = errors.New("file: the zone file could not be read yet")

// Handler answers from zone files. Make it with New, and Close it.
type Handler struct {
	zones []*served // longest first
	next  resolver.Handler

	stop chan struct{}
	done sync.WaitGroup
}

// served is a zone that is answered from a file.
type served struct {
	config *Config
	apex   zone.Name
	fall   []zone.Name
	now    atomic.Pointer[contents] // nil until the file was there
	source source                   // the reader's own: New's, then follow's
}

// New reads the files of a server block's directives, and returns a handler before
// next. It reads a file again whenever that has changed, until Close is called. A
// zone that several directives have is the last one's. A file that is no zone is
// an error; so is one that can't be opened, if it would not be looked for again.
func New(configs []Config, next resolver.Handler) (*Handler, error) {
	h := &Handler{next: next, stop: make(chan struct{})}
	for _, c := range configs {
		if c.Logger == nil {
			c.Logger = slog.New(slog.DiscardHandler)
		}
		if err := h.add(&c); err != nil {
			return nil, err
		}
	}
	for _, s := range h.zones {
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	for _, s := range h.zones {
		if s.config.Reload > 0 {
			h.done.Go(func() { s.follow(h.stop) })
		}
	}
	return h, nil
}

// add adds a directive's zones.
func (h *Handler) add(c *Config) error {
	fall, err := zone.ParseNames(c.Fallthrough)
	if err != nil {
		return fmt.Errorf("file: zone: %w", err)
	}
	apexes, err := zone.ParseNames(c.Zones)
	if err != nil {
		return fmt.Errorf("file: zone: %w", err)
	}
	for _, apex := range apexes {
		h.zones = slices.DeleteFunc(h.zones, func(s *served) bool { return s.apex == apex })
		h.zones = append(h.zones, &served{config: c, apex: apex, fall: fall})
	}
	slices.SortStableFunc(h.zones, func(a, b *served) int { return len(b.apex) - len(a.apex) })
	return nil
}

// Close ends the watch over the files. It must be called once. The handler may go
// on serving.
func (h *Handler) Close() {
	close(h.stop)
	h.done.Wait()
}

// Serve answers what is in the zones, and passes on what is in none, or falls
// through. Zones are not transferred.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	s := h.of(q)
	if s == nil {
		return h.next.Serve(q, r)
	}
	c := s.now.Load()
	if c == nil {
		r.Handler, r.Err = Name, ErrNotRead
		r.SetEDE(wire.NotReady, "")
		return resolver.ServFail
	}
	if q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR {
		r.Handler = Name
		r.SetEDE(wire.Prohibited, "")
		return resolver.Refused
	}
	a, outcome, err := c.lookup(q)
	if outcome == resolver.Later || outcome == resolver.Dropped {
		return outcome
	}
	if a != nil && a.bare && zone.Longest(s.fall, q.Name()) != "" {
		return h.next.Serve(q, r)
	}
	r.Handler, r.Err = Name, err
	if a == nil {
		return resolver.ServFail
	}
	if err := r.SetMsg(&a.msg); err != nil {
		r.Clear()
		r.Err = fmt.Errorf("file: %w", err)
		return resolver.ServFail
	}
	return outcome
}

// of returns the longest zone that a question is in, nil for none.
func (h *Handler) of(q *resolver.Query) *served {
	if q.Class == wire.ClassIN {
		for _, s := range h.zones {
			if wire.IsBelow(q.Name(), s.apex) {
				return s
			}
		}
	}
	return nil
}

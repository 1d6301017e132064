package cancel

import (
	"context"
	"time"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the handler's name in the Corefile.
const Name = "cancel"

// DefaultTimeout is a little more than clients usually wait.
const DefaultTimeout = 5001 * time.Millisecond

// Config is a cancel directive.
type Config struct {
	// Timeout is how long a query may take; 0 is DefaultTimeout.
	Timeout time.Duration
}

// Parse reads a cancel directive:
//
//	cancel [TIMEOUT]
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	c := Config{Timeout: DefaultTimeout}
	if len(d.Args) > 0 {
		var err error
		if c.Timeout, err = d.Duration(); err != nil {
			return Config{}, err
		}
		if c.Timeout == 0 {
			return Config{}, d.Errorf("wants a duration above 0, got %q", d.Args[0])
		}
	}
	return c, d.NoBody()
}

// Handler bounds the time of queries. Make it with New.
type Handler struct {
	timeout time.Duration
	next    resolver.Handler
}

// New returns a handler before next.
func New(c Config, next resolver.Handler) *Handler {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	return &Handler{c.Timeout, next}
}

// Serve passes q on, with a Context that ends in time if it may wait.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	// Fast path
	if !q.MayWait() {
		return h.next.Serve(q, r)
	}
	// Slow path
	ctx, cancel := context.WithTimeout(q.Context, h.timeout)
	defer cancel()
	defer q.WithContext(ctx)()
	return h.next.Serve(q, r)
}

package hosts

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "hosts"

// other is the Extended DNS Error that only its text explains (RFC 8914 section
// 4.1).
const other wire.EDE = 0

// Handler answers from a table of hosts. Make it with New, and Close it.
type Handler struct {
	config Config
	zones  []zone.Name
	fall   []zone.Name
	next   resolver.Handler
	table  atomic.Pointer[table]

	file file // the reader's own: New's, then the goroutine's

	stop chan struct{}
	done sync.WaitGroup
}

// New reads the file and returns a handler before next. It reads the file again
// whenever that has changed, until Close is called. A file that can't be read is
// logged, and no error.
func New(c Config, next resolver.Handler) (*Handler, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{config: c, next: next, stop: make(chan struct{})}
	var err error
	if h.zones, err = zone.ParseNames(c.Zones); err != nil {
		return nil, fmt.Errorf("hosts: zone: %w", err)
	}
	if h.fall, err = zone.ParseNames(c.Fallthrough); err != nil {
		return nil, fmt.Errorf("hosts: zone: %w", err)
	}
	for _, line := range c.Inline {
		for _, name := range line.Names {
			if zone.Longest(h.zones, []byte(name)) == "" {
				c.Logger.Warn("hosts: a name is in no zone of the directive, and not answered", "name", name.String())
			}
		}
	}
	h.use(nil)
	h.refresh()
	if c.Reload > 0 {
		h.done.Go(h.follow)
	}
	return h, nil
}

// follow reads the file whenever it has changed, until Close is called.
func (h *Handler) follow() {
	tick := time.NewTicker(h.config.Reload)
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-tick.C:
			h.refresh()
		}
	}
}

// Close ends the watch over the file. It must be called once. The handler may go
// on serving.
func (h *Handler) Close() {
	close(h.stop)
	h.done.Wait()
}

// Serve answers what is in the table, and passes on what is in none of the zones,
// or falls through.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	t := h.table.Load()
	if q.Type == wire.TypePTR {
		// As in CoreDNS: in any zone, and falling through at any name.
		if records := t.reverse[zone.Name(q.Name())]; records != nil {
			r.Handler, r.Authoritative = Name, true
			r.Records(wire.Answer, wire.Question, records)
			return resolver.Answered
		}
		return h.next.Serve(q, r)
	}
	if zone.Longest(h.zones, q.Name()) == "" {
		return h.next.Serve(q, r)
	}
	n := t.lookup(q.Name())
	unsupported := q.Type != wire.TypeA && q.Type != wire.TypeAAAA
	if (n == nil || unsupported && h.config.FallthroughUnsupported) && zone.Longest(h.fall, q.Name()) != "" {
		return h.next.Serve(q, r)
	}
	r.Handler = Name
	if n == nil {
		// No SOA record, no denial. It is no error of the server's that would be
		// worth a line in its log.
		r.SetEDE(other, "not in hosts, which has no fallthrough here")
		return resolver.ServFail
	}
	r.Authoritative = true
	switch {
	case q.Type == wire.TypeA && len(n.a) > 0:
		return addresses(r, n.a)
	case q.Type == wire.TypeAAAA && len(n.aaaa) > 0:
		return addresses(r, n.aaaa)
	}
	return resolver.NoData
}

// addresses appends records, all of the same size, turned by r.Rotate.
func addresses(r *resolver.Reply, records []byte) resolver.Outcome {
	rr, _, rest := wire.NextRR(records)
	if r.Rotate == 0 || len(rest) == 0 {
		r.Records(wire.Answer, wire.Question, records)
		return resolver.Answered
	}
	first := int(r.Rotate%uint32(len(records)/len(rr))) * len(rr)
	if r.Records(wire.Answer, wire.Question, records[first:]) {
		r.Records(wire.Answer, wire.Question, records[:first])
	}
	return resolver.Answered
}

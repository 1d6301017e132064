package prometheus

import (
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

const (
	transports = 2
	families   = 2
	rcodes     = 24 // up to BADCOOKIE (RFC 7873 section 8), the last that there is; others count as that
)

// shard is what one reader of packets has counted in one zone. Readers have
// shards of their own, as a counter that all of them write would have to move
// between cores for each query. It is read when metrics are gathered.
type shard struct {
	requests     [transports][families][len(typeNames)]atomic.Uint64
	dnssecOK     atomic.Uint64
	requestSize  [transports]histogram[sizes]
	responseSize [transports]histogram[sizes]
	truncated    [transports]atomic.Uint64
	duration     histogram[times]
	responses    [rcodes]atomic.Pointer[responses] // by rcode
}

// count counts a query and its reply.
func (s *shard) count(q *resolver.Query, r *resolver.Reply, o resolver.Outcome) {
	family := 0
	if q.Client.Addr().Is6() {
		family = 1
	}
	s.requests[q.Transport][family][typeIndex(q.Type)].Add(1)
	if q.DO {
		s.dnssecOK.Add(1)
	}
	s.requestSize[q.Transport].observe(uint64(q.Size()))
	if o == resolver.Dropped {
		return
	}
	s.responseSize[q.Transport].observe(uint64(r.Size()))
	if r.Truncated() {
		s.truncated[q.Transport].Add(1)
	}
	s.duration.observe(uint64(max(time.Since(q.Received), 0)))
	s.response(o.Rcode(r), r.Handler).Add(1)
}

// responses counts replies of one rcode that one handler made. It is a list, as
// nearly always there is one handler, and is only ever added to.
type responses struct {
	handler string
	count   atomic.Uint64
	next    *responses
}

// response returns the counter of replies of an rcode that a handler made.
func (s *shard) response(rcode wire.Rcode, handler string) *atomic.Uint64 {
	list := &s.responses[min(rcode, rcodes-1)]
	for {
		first := list.Load()
		for c := first; c != nil; c = c.next {
			if c.handler == handler {
				return &c.count
			}
		}
		// Slow path: the first of its kind. Another may be adding it too.
		list.CompareAndSwap(first, &responses{handler: handler, next: first})
	}
}

// bounds are the upper bounds of a histogram's buckets in the unit that is
// observed, and how many units are one of the metric.
type bounds interface {
	upper() []uint64
	unit() float64
}

// sizes are in octets.
type sizes struct{}

func (sizes) upper() []uint64 { return sizeBounds[:] }
func (sizes) unit() float64   { return 1 }

// times are in nanoseconds, of a metric in seconds.
type times struct{}

func (times) upper() []uint64 { return timeBounds[:] }
func (times) unit() float64   { return float64(time.Second) }

// Bounds as the dashboards of CoreDNS expect them; times from 0.25 ms to 8 s.
var (
	sizeBounds = [...]uint64{0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3}
	timeBounds = [...]uint64{
		250e3 << 0, 250e3 << 1, 250e3 << 2, 250e3 << 3, 250e3 << 4, 250e3 << 5, 250e3 << 6, 250e3 << 7,
		250e3 << 8, 250e3 << 9, 250e3 << 10, 250e3 << 11, 250e3 << 12, 250e3 << 13, 250e3 << 14, 250e3 << 15,
	}
)

// histogram counts observations by bucket, the last of which has no bound.
type histogram[B bounds] struct {
	buckets [len(timeBounds) + 1]atomic.Uint64 // enough for either
	sum     atomic.Uint64
}

func (h *histogram[B]) observe(v uint64) {
	var b B
	i := 0
	for upper := b.upper(); i < len(upper) && v > upper[i]; {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(v)
}

// total is what histograms of all shards have counted, as Prometheus wants it.
type total[B bounds] struct {
	count   uint64
	sum     float64
	buckets map[float64]uint64 // cumulative, by upper bound
}

func (t *total[B]) add(h *histogram[B]) {
	var b B
	if t.buckets == nil {
		t.buckets = make(map[float64]uint64, len(b.upper()))
	}
	below := uint64(0)
	for i, upper := range b.upper() {
		below += h.buckets[i].Load()
		t.buckets[float64(upper)/b.unit()] += below
	}
	t.count += below + h.buckets[len(b.upper())].Load()
	t.sum += float64(h.sum.Load()) / b.unit()
}

package rrl

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Handler limits the rate of the replies that next gives. Make it with New.
type Handler struct {
	config   Config
	zones    []zone.Name // the longest first
	prices   [Classes]price
	requests price
	table    *table
	seed     maphash.Seed // or clients could choose names that share an account
	epoch    time.Time    // what times are counted from
	next     resolver.Handler
}

// New returns a handler before next. Its table is allocated here: 24 octets for
// each account.
func New(c Config, next resolver.Handler) (*Handler, error) {
	if c.TableSize < 1 || c.Window <= 0 {
		return nil, fmt.Errorf("%s: a table of %d accounts and a window of %s: neither may be none", Name, c.TableSize, c.Window)
	}
	h := &Handler{
		config: c, table: newTable(c.TableSize), seed: maphash.MakeSeed(), epoch: time.Now(), next: next,
		requests: newPrice(c.Requests, c.Window),
	}
	for _, text := range c.Zones {
		apex, err := zone.ParseName(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a zone: %w", Name, text, err)
		}
		h.zones = append(h.zones, apex)
	}
	slices.SortStableFunc(h.zones, func(a, b zone.Name) int { return len(b) - len(a) })
	for class, rate := range c.PerSecond {
		h.prices[class] = newPrice(rate, c.Window)
	}
	return h, nil
}

// newPrice returns what replies cost of which so many are allowed in a second; a
// rate of 0 is the zero price.
func newPrice(rate float64, window time.Duration) price {
	if rate == 0 {
		return price{}
	}
	cost := time.Duration(float64(time.Second) / rate)
	return price{cost: cost, most: max(time.Second, cost), debt: window}
}

// Serve passes q on, unless its client asks too often, and takes the reply back if
// there are too many like it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if q.Transport != resolver.UDP || q.Trusted || q.Depth > 0 {
		return h.next.Serve(q, r)
	}
	apex, ok := h.zoneOf(q)
	if !ok {
		return h.next.Serve(q, r)
	}
	if h.requests.cost == 0 {
		return h.limit(q, r, apex, h.next.Serve(q, r))
	}
	asking := h.key(q, classRequest, nil)
	if h.charge(asking, q, h.requests, 0) != allowed {
		if !h.config.ReportOnly {
			h.config.Metrics.request(dropped)
			return resolver.Dropped
		}
		h.config.Metrics.request(reported)
	}
	o := h.next.Serve(q, r)
	if o == resolver.Later {
		h.table.refund(asking, h.requests) // the query comes again, and pays then
	}
	return h.limit(q, r, apex, o)
}

// limit makes a reply of outcome o pay, and returns the outcome that is left of it.
func (h *Handler) limit(q *resolver.Query, r *resolver.Reply, apex zone.Name, o resolver.Outcome) resolver.Outcome {
	var class Class
	about := q.Name() // what replies that are alike share
	switch o {
	case resolver.Later, resolver.Dropped:
		return o
	case resolver.Answered:
		class = Response
	case resolver.NoData:
		class = NoData
	case resolver.NameError:
		// Names that do not exist are without end: they are one.
		class, about = NXDomain, []byte(apex)
	default:
		class, about = Error, nil
	}
	p := h.prices[class]
	if p.cost == 0 {
		return o
	}
	verdict := h.charge(h.key(q, class, about), q, p, h.config.Slip)
	switch {
	case verdict == allowed:
		return o
	case h.config.ReportOnly:
		h.config.Metrics.response(class, reported)
		return o
	case verdict == over:
		h.config.Metrics.response(class, dropped)
		return resolver.Dropped
	}
	h.config.Metrics.response(class, slipped)
	if class == Error {
		return o // it is small, and the client should know
	}
	r.Clear()
	r.SetTruncated()
	r.Handler = Name
	return resolver.NoData
}

// charge charges an account as table.charge does, at the time q was received.
func (h *Handler) charge(key uint64, q *resolver.Query, p price, slip int) verdict {
	v, evicted := h.table.charge(key, payment{price: p, at: q.Received.Sub(h.epoch), slip: slip})
	if evicted {
		h.config.Metrics.evict()
	}
	return v
}

// zoneOf returns the zone of the directive that a query is in.
func (h *Handler) zoneOf(q *resolver.Query) (zone.Name, bool) {
	for _, apex := range h.zones {
		if wire.IsBelow(q.Name(), apex) {
			return apex, true
		}
	}
	return "", false
}

// classRequest is in the keys of queries' accounts, where others have a class.
const classRequest = Classes

// key returns the key of the account of q's client for a class and what that is
// about. Answers of each type have their own.
func (h *Handler) key(q *resolver.Query, class Class, about []byte) uint64 {
	var buf [16 + 1 + 1 + 4 + wire.MaxName]byte
	client := q.Client.Addr()
	bits := h.config.IPv6Prefix
	if client.Is4() {
		bits = h.config.IPv4Prefix
	}
	if prefix, err := client.Prefix(bits); err == nil {
		client = prefix.Addr()
	}
	octets := client.As16()
	b := append(buf[:0], octets[:]...)
	b = append(b, byte(client.BitLen()), byte(class))
	if class == Response {
		b = binary.BigEndian.AppendUint16(b, q.Type)
		b = binary.BigEndian.AppendUint16(b, q.Class)
	}
	return max(maphash.Bytes(h.seed, append(b, about...)), 1) // 0 is no account's
}

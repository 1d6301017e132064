package local

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "local"

// ttl is that of every record, a week, as in CoreDNS.
const ttl = 604800

// localhost is a name, and prefix the label that names begin with that a search
// list has made of it.
const (
	localhost = zone.Name("\x09localhost\x00")
	prefix    = "\x09localhost"
)

// Handler answers for local names, and passes all others on. Make it with New.
type Handler struct {
	config  Config
	reverse []zone.Name          // the zones of addresses
	records map[zone.Name][]byte // PTR
	a, aaaa []byte               // of localhost
	ns      []byte               // of every apex
	soa     []byte               // its RDATA, of every apex
	next    resolver.Handler
}

// New returns a handler before next.
func New(c Config, next resolver.Handler) *Handler {
	v4, v6 := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	ptr := wire.AppendRR(nil, wire.TypePTR, ttl, []byte(localhost))
	soa := []byte(string(localhost) + "\x04root" + string(localhost))
	for _, v := range []uint32{1, 0, 0, 0, ttl} { // serial, refresh, retry, expire, minimum
		soa = binary.BigEndian.AppendUint32(soa, v)
	}
	return &Handler{
		config: c,
		reverse: []zone.Name{
			wire.MustParseName("0.in-addr.arpa"), wire.MustParseName("127.in-addr.arpa"), wire.MustParseName("255.in-addr.arpa"),
			zone.ReverseName(v6), // a zone of its own (RFC 6303 section 4.5)
		},
		records: map[zone.Name][]byte{zone.ReverseName(v4): ptr, zone.ReverseName(v6): ptr},
		a:       wire.AppendRR(nil, wire.TypeA, ttl, v4.AsSlice()),
		aaaa:    wire.AppendRR(nil, wire.TypeAAAA, ttl, v6.AsSlice()),
		ns:      wire.AppendRR(nil, wire.TypeNS, ttl, []byte(localhost)),
		soa:     soa,
		next:    next,
	}
}

// Serve answers q if its name is local.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	name := q.Name()
	switch {
	case wire.IsBelow(name, localhost):
		if len(name) > len(localhost) {
			h.config.Metrics.count()
		}
		return h.host(q, r, localhost)
	case !h.config.NoPrefix && bytes.HasPrefix(name, []byte(prefix)):
		h.config.Metrics.count()
		return h.host(q, r, "")
	}
	for _, apex := range h.reverse {
		if wire.IsBelow(name, apex) {
			return h.address(q, r, apex)
		}
	}
	return h.next.Serve(q, r)
}

// host answers a name that has the addresses of localhost. apex is the zone that
// it is in; if empty, it is the apex of one by itself, but without records that
// say so.
func (h *Handler) host(q *resolver.Query, r *resolver.Reply, apex zone.Name) resolver.Outcome {
	switch q.Type {
	case wire.TypeA:
		return h.answer(r, h.a)
	case wire.TypeAAAA:
		return h.answer(r, h.aaaa)
	}
	if string(q.Name()) == string(apex) {
		return h.apex(q, r, apex)
	}
	return h.deny(r, apex, resolver.NoData)
}

// address answers a name in one of the zones of addresses.
func (h *Handler) address(q *resolver.Query, r *resolver.Reply, apex zone.Name) resolver.Outcome {
	ptr := h.records[zone.Name(q.Name())]
	switch {
	case ptr != nil && q.Type == wire.TypePTR:
		return h.answer(r, ptr)
	case string(q.Name()) == string(apex):
		return h.apex(q, r, apex)
	case ptr != nil:
		return h.deny(r, apex, resolver.NoData)
	}
	for name := range h.records {
		if wire.IsBelow([]byte(name), zone.Name(q.Name())) {
			return h.deny(r, apex, resolver.NoData) // an empty non-terminal
		}
	}
	return h.deny(r, apex, resolver.NameError)
}

// apex answers an apex's name for its SOA and NS records, and denies others.
func (h *Handler) apex(q *resolver.Query, r *resolver.Reply, apex zone.Name) resolver.Outcome {
	switch q.Type {
	case wire.TypeSOA:
		return h.answer(r, wire.AppendRR(nil, wire.TypeSOA, ttl, h.soa))
	case wire.TypeNS:
		return h.answer(r, h.ns)
	}
	return h.deny(r, apex, resolver.NoData)
}

// answer gives records of the question's name.
func (h *Handler) answer(r *resolver.Reply, records []byte) resolver.Outcome {
	r.Handler, r.Authoritative = Name, true
	r.Records(wire.Answer, wire.Question, records)
	return resolver.Answered
}

// deny gives the SOA record of apex, or of the question's name if that is empty,
// for o.
func (h *Handler) deny(r *resolver.Reply, apex zone.Name, o resolver.Outcome) resolver.Outcome {
	r.Handler, r.Authoritative = Name, true
	r.Record(wire.Authority, wire.RR{Name: apex, Owner: wire.Question, Type: wire.TypeSOA, TTL: ttl, Data: h.soa})
	return o
}

package acl

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "acl"

// filtered is the Extended DNS Error of an answer that was emptied (RFC 8914
// section 4.18), as in CoreDNS.
const filtered wire.EDE = 17

// Config is the acl directives of a server block.
type Config struct {
	Rules []Rule

	// Server and View are those labels of the block's metrics.
	Server, View string
	Metrics      *Metrics // nil counts nothing
}

// Handler judges queries, and passes those on that it allows. Make it with New.
type Handler struct {
	rules   []rule
	allowed prometheus.Counter // may be nil
	next    resolver.Handler
}

// rule is a Rule, ready.
type rule struct {
	zones   []ruledZone // longest first
	actions []action
	// ede is the Extended DNS Error of Block: Prohibited if it is a matter of who
	// asks (RFC 8914 section 4.19), else Blocked (section 4.16).
	ede wire.EDE
}

// ruledZone is a zone of a rule.
type ruledZone struct {
	name     zone.Name
	counters counters
}

// action is an Action, ready.
type action struct {
	verb  Verb
	types []uint16
	nets  networks
	every bool // network
}

// New returns a handler before next.
func New(c Config, next resolver.Handler) (*Handler, error) {
	h := &Handler{allowed: c.Metrics.allow(c.Server, c.View), next: next}
	for _, configured := range c.Rules {
		r := rule{ede: wire.Blocked}
		for _, text := range configured.Zones {
			name, err := zone.ParseName(text)
			if err != nil {
				return nil, fmt.Errorf("acl: zone: %w", err)
			}
			r.zones = append(r.zones, ruledZone{name, c.Metrics.of(c.Server, text, c.View)})
		}
		slices.SortStableFunc(r.zones, func(a, b ruledZone) int { return cmp.Compare(len(b.name), len(a.name)) })
		for _, a := range configured.Actions {
			r.actions = append(r.actions, action{a.Verb, a.Types, newNetworks(a.Nets), len(a.Nets) == 0})
			if len(a.Nets) > 0 {
				r.ede = wire.Prohibited
			}
		}
		h.rules = append(h.rules, r)
	}
	return h, nil
}

// Serve answers q if a rule says so, and passes it on otherwise.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	client := q.Client.Addr().Unmap().WithZone("")
	for i := range h.rules {
		z := h.rules[i].zone(q.Name())
		if z == nil {
			continue
		}
		verb, ok := h.rules[i].judge(client, q.Type)
		if !ok {
			continue
		}
		if verb == Allow {
			break
		}
		if c := z.counters[verb]; c != nil && q.Depth == 0 {
			c.Inc()
		}
		return answer(r, verb, h.rules[i].ede)
	}
	o := h.next.Serve(q, r)
	if h.allowed != nil && q.Depth == 0 && o != resolver.Later { // which comes once more
		h.allowed.Inc()
	}
	return o
}

// answer does what the verb says, other than Allow. ede is that of Block.
func answer(r *resolver.Reply, verb Verb, ede wire.EDE) resolver.Outcome {
	r.Handler = Name
	switch verb {
	case Filter:
		// Without AA and RA some stubs take an empty answer for a lame delegation,
		// and ask elsewhere.
		r.Authoritative = true
		r.SetEDE(filtered, "")
		return resolver.NoData
	case Drop:
		return resolver.Dropped
	}
	r.SetEDE(ede, "")
	return resolver.Refused
}

// zone returns the longest zone of the rule that a name is in, nil for none.
func (r *rule) zone(name []byte) *ruledZone {
	for i := range r.zones {
		if wire.IsBelow(name, r.zones[i].name) {
			return &r.zones[i]
		}
	}
	return nil
}

// judge returns what is to be done with a query, and false if nothing matches it.
func (r *rule) judge(client netip.Addr, typ uint16) (Verb, bool) {
	if !client.IsValid() {
		return Block, true
	}
	for i := range r.actions {
		a := &r.actions[i]
		if len(a.types) > 0 && !slices.Contains(a.types, typ) {
			continue
		}
		if a.every || a.nets.contain(client) {
			return a.verb, true
		}
	}
	return Allow, false
}

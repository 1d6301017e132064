package kubernetes

import (
	"errors"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "kubernetes"

// ErrLoop is why a query is SERVFAIL whose name is an ExternalName Service that
// leads back to itself.
var ErrLoop = errors.New("kubernetes: ExternalName Services form a loop")

// Zone is what a Handler answers from: a [zone.Zone] as it is, or as it was (At).
type Zone interface {
	Snapshot() *zone.Snapshot
	// Explain says why a negative answer of a snapshot is so, if that can be told
	// without waiting.
	Explain(s *zone.Snapshot, name zone.Name, typ uint16) (zone.Reason, bool)
}

// at is a Zone that stays as it was.
type at struct{ snapshot *zone.Snapshot }

// At returns a Zone that is always as s is.
func At(s *zone.Snapshot) Zone { return at{s} }

// Snapshot returns what it stays.
func (a at) Snapshot() *zone.Snapshot { return a.snapshot }

// Explain has no reason: the objects that it would be found in have gone on.
func (at) Explain(*zone.Snapshot, zone.Name, uint16) (zone.Reason, bool) { return zone.Reason{}, false }

// Handler answers from the zones of a cluster, with authority. Its fields are
// not to be changed once it serves.
type Handler struct {
	Zone Zone
	// Fallthrough are the zones in which a name that does not exist goes to
	// Next instead of being NXDOMAIN.
	Fallthrough []zone.Name
	// Recursive says that names outside the zones are answered too, by others: RA
	// is set, and what an ExternalName Service leads to is looked up.
	Recursive bool
	// Explain has negative answers tell why, to clients that speak EDNS.
	Explain bool
	// Next serves what is not in the zones.
	Next resolver.Handler
}

// Serve answers q if its name is in the zones. Zones are not transferred.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	snapshot := h.Zone.Snapshot()
	result := snapshot.Answer(&q.Query, &r.Reply)
	if result.Outcome == zone.NotOurs {
		return h.Next.Serve(q, r)
	}
	if q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR {
		r.Clear()
		r.Handler = Name
		r.SetEDE(wire.Prohibited, "")
		return resolver.Refused
	}
	r.Handler, r.Authoritative, r.Recursive = Name, true, h.Recursive
	switch result.Outcome {
	case zone.NotReady: // before any fall-through: the name may be about to exist
		// Nothing is logged: it would be a line for each query of a cluster,
		// and the source says why it is not synced.
		r.Authoritative = false
		r.SetEDE(wire.NotReady, "")
		return resolver.ServFail
	case zone.NoData:
		h.explain(snapshot, q, r)
		snapshot.Negative(result, &r.Reply)
		return resolver.NoData
	case zone.NameError:
		if r.Count(wire.Answer) == 0 && h.falls(q) {
			r.Handler, r.Authoritative, r.Recursive = "", false, false
			return h.Next.Serve(q, r)
		}
		h.explain(snapshot, q, r)
		snapshot.Negative(result, &r.Reply)
		return resolver.NameError
	case zone.Leaves:
		if h.Recursive && !r.Truncated() {
			return follow(q, r)
		}
	case zone.Loop:
		r.Clear()
		r.Authoritative, r.Err = false, ErrLoop
		return resolver.ServFail
	}
	return resolver.Answered
}

// explain attaches why an answer is negative, as far as it can be told without
// waiting: as Other Error, since no code of RFC 8914 section 4 is about names that do
// not exist, with the text that section 4.1 asks for with that one.
func (h *Handler) explain(s *zone.Snapshot, q *resolver.Query, r *resolver.Reply) {
	if !h.Explain || !q.HasEDNS {
		return
	}
	// Slow path
	if reason, ok := h.Zone.Explain(s, zone.Name(q.Name()), q.Type); ok {
		r.SetEDE(wire.OtherError, reason.String())
	}
}

func (h *Handler) falls(q *resolver.Query) bool {
	for _, apex := range h.Fallthrough {
		if wire.IsBelow(q.Name(), apex) {
			return true
		}
	}
	return false
}

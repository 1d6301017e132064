package resolver

import (
	"slices"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/zone"
)

// Mux gives a query to the handler of the longest zone that its name is in. If that
// says Elsewhere, as a server block does whose view the query is not in, it gives
// it to the next one of the same zone, in the order of Handle, and after those of
// a zone to those of the next shorter one. It is not to be changed once it serves.
type Mux struct {
	// Otherwise serves what no handler has taken: names in no zone, and classes
	// but IN, of which there are no zones here. It must be set.
	Otherwise Handler
	// Chaos lets questions of class CH to the handlers of the zones that their
	// name is in, as those of class IN.
	Chaos bool

	routes []route // longest zone first, those of one zone as they came
}

type route struct {
	zone    zone.Name
	handler Handler
}

// Handle makes h serve the names at and below apex.
func (m *Mux) Handle(apex zone.Name, h Handler) {
	at := slices.IndexFunc(m.routes, func(r route) bool { return len(r.zone) < len(apex) })
	if at < 0 {
		at = len(m.routes)
	}
	m.routes = slices.Insert(m.routes, at, route{apex, h})
}

// Serve passes the query to its handler.
func (m *Mux) Serve(q *Query, r *Reply) Outcome {
	if q.Class == wire.ClassIN || m.Chaos && q.Class == wire.ClassCH {
		labels := q.Labels
		for i := range m.routes {
			if !wire.IsBelow(q.Name(), m.routes[i].zone) {
				continue
			}
			if o := m.routes[i].handler.Serve(q, r); o != Elsewhere {
				return o
			}
			q.Labels = labels // what a server block tells is of its own queries
		}
	}
	return m.Otherwise.Serve(q, r)
}

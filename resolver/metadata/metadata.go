package metadata

import (
	"fmt"
	"slices"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in the Corefile.
const Name = "metadata"

// View is the label of the view that a query is in.
const View = "view/name"

// Config is a metadata directive.
type Config struct {
	// Zones are those whose queries are told of, lower-case with trailing dot.
	Zones []string
	// View is the name of the server block's view, empty for none.
	View string
	// Cluster tells of names and clients of the block's cluster; nil if it has none.
	Cluster *Cluster
}

// Parse reads a metadata directive:
//
//	metadata [ZONES...]
//
// BlockZones are the zones of its server block, which count if the directive
// names none. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	zones, err := d.Zones()
	if err != nil {
		return Config{}, err
	}
	if len(zones) == 0 {
		zones = slices.Clone(blockZones)
	}
	return Config{Zones: zones}, d.NoBody()
}

// Handler makes queries take labels, and passes them on. Make it with New.
type Handler struct {
	config Config
	zones  []zone.Name
	next   resolver.Handler
}

// New returns a handler before next, which all others that read or note labels
// must be behind.
func New(c Config, next resolver.Handler) (*Handler, error) {
	zones, err := zone.ParseNames(c.Zones)
	if err != nil {
		return nil, fmt.Errorf("metadata: zone: %w", err)
	}
	return &Handler{config: c, zones: zones, next: next}, nil
}

// Serve passes q on, with labels if it is in the zones. A question that a handler
// asks on the way to an answer adds to those of the client's.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if zone.Longest(h.zones, q.Name()) == "" {
		return h.next.Serve(q, r)
	}
	if q.Labels == nil {
		q.Labels = map[string]string{}
	}
	// What the client asked for is what these are about, not what we ask for it.
	if q.Depth == 0 {
		if h.config.View != "" {
			q.Note(View, h.config.View)
		}
		if h.config.Cluster != nil {
			h.config.Cluster.note(q)
		}
	}
	return h.next.Serve(q, r)
}

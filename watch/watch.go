package watch

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/rollcall-dns/rollcall/zone"
)

// Sink takes what a source finds out. A zone is one.
type Sink interface {
	// Apply makes the events' changes, which readers see all at once, and when
	// it returns. Safe for concurrent use: kinds arrive concurrently.
	Apply(...zone.Event)
	// Object returns the object that the sink holds for a key, nil for none.
	// It must not be changed. Safe for concurrent use.
	Object(zone.Kind, zone.Key) zone.Object
}

// Status says how well a source knows one kind.
type Status struct {
	Kind zone.Kind
	// Synced: all objects of the kind were handed over at least once. It
	// never turns back.
	Synced bool
	// Connected: the source hears of changes.
	Connected bool
	// LastEvent is when the source last heard anything, bookmarks included;
	// zero for never.
	LastEvent time.Time
	// LastError is why the watch was last lost or could not start. It stays
	// when the watch is back.
	LastError error
}

// defaultKinds are what a source watches when its Kinds is nil.
var defaultKinds = [...]zone.Kind{zone.Namespaces, zone.Services, zone.EndpointSlices}

// watched returns the kinds to watch in the order of zone.Kinds: those asked
// for, and Namespaces and Services always.
func watched(asked []zone.Kind) []zone.Kind {
	if asked == nil {
		asked = defaultKinds[:]
	}
	var out []zone.Kind
	for _, k := range zone.Kinds {
		if k == zone.Namespaces || k == zone.Services || slices.Contains(asked, k) {
			out = append(out, k)
		}
	}
	return out
}

// selectors are a source's two label selectors, parsed. CoreDNS's meaning of
// its options is kept: `labels` restricts Services, EndpointSlices and Pods,
// `namespace_labels` Namespaces and ServiceImports.
type selectors struct{ objects, namespaces labels.Selector }

func parseSelectors(objects, namespaces string) (s selectors, err error) {
	if s.objects, err = labels.Parse(objects); err != nil {
		return s, fmt.Errorf("labels %q: %w", objects, err)
	}
	if s.namespaces, err = labels.Parse(namespaces); err != nil {
		return s, fmt.Errorf("namespace labels %q: %w", namespaces, err)
	}
	return s, nil
}

// of returns the selector that restricts a kind.
func (s selectors) of(k zone.Kind) labels.Selector {
	if k == zone.Namespaces || k == zone.ServiceImports {
		return s.namespaces
	}
	return s.objects
}

// knownKinds refuses kinds that zone does not have.
func knownKinds(kinds []zone.Kind) error {
	for _, k := range kinds {
		if !slices.Contains(zone.Kinds[:], k) {
			return fmt.Errorf("kind %d is unknown (known: %v)", k, zone.Kinds)
		}
	}
	return nil
}

func orDefault(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}

package watch

import (
	"cmp"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/zone"
)

// A manifestSet is what a load found: a kind's objects by key. Once its events
// were applied it keeps only keys: the objects are the sink's.
type manifestSet struct {
	kinds   []zone.Kind
	objects map[zone.Kind]map[zone.Key]zone.Object
}

func newManifestSet(kinds []zone.Kind) *manifestSet {
	s := &manifestSet{
		kinds:   kinds,
		objects: make(map[zone.Kind]map[zone.Key]zone.Object),
	}
	for _, k := range kinds {
		s.objects[k] = make(map[zone.Key]zone.Object)
	}
	return s
}

func (s *manifestSet) len() (n int) {
	for _, o := range s.objects {
		n += len(o)
	}
	return n
}

// counts returns how many objects of each kind there are, for the log.
func (s *manifestSet) counts() (out []any) {
	for _, k := range s.kinds {
		out = append(out, slog.Int(k.String(), len(s.objects[k])))
	}
	return out
}

// keys returns the keys of a kind in order.
func (s *manifestSet) keys(k zone.Kind) []zone.Key { return sortedKeys(s.objects[k]) }

func sortedKeys[V any](m map[zone.Key]V) []zone.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b zone.Key) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

// events returns a Replace for each kind, and lets go of the objects.
func (s *manifestSet) events() []zone.Event {
	var out []zone.Event
	for _, k := range s.kinds {
		e := zone.Event{Op: zone.Replace, Kind: k}
		for _, key := range s.keys(k) {
			e.Objects = append(e.Objects, s.objects[k][key])
			s.objects[k][key] = nil
		}
		out = append(out, e)
	}
	return out
}

// changes returns the events that make of a sink which has prev one that has s,
// and lets go of the objects.
func (s *manifestSet) changes(prev *manifestSet, sink Sink) []zone.Event {
	var out []zone.Event
	for _, k := range s.kinds {
		for _, key := range s.keys(k) {
			obj := s.objects[k][key]
			s.objects[k][key] = nil
			if !reflect.DeepEqual(sink.Object(k, key), obj) {
				out = append(out, zone.Event{Op: zone.Put, Kind: k, Object: obj})
			}
		}
		for _, key := range prev.keys(k) {
			if _, ok := s.objects[k][key]; !ok {
				out = append(out, zone.Event{Op: zone.Remove, Kind: k, Key: key})
			}
		}
	}
	return out
}

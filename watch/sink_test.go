package watch

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// memSink is a Sink that keeps objects and remembers events.
type memSink struct {
	mu       sync.Mutex
	objects  map[zone.Kind]map[zone.Key]zone.Object
	events   []zone.Event
	changed  chan struct{}
	panicFor string // name of an object that Apply panics over
}

func newMemSink() *memSink {
	return &memSink{objects: make(map[zone.Kind]map[zone.Key]zone.Object), changed: make(chan struct{})}
}

func (s *memSink) Apply(events ...zone.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.apply(e)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *memSink) apply(e zone.Event) {
	if s.panicFor != "" && e.Object != nil && e.Object.Key().Name == s.panicFor {
		panic("cannot stand " + s.panicFor)
	}
	if s.objects[e.Kind] == nil {
		s.objects[e.Kind] = make(map[zone.Key]zone.Object)
	}
	switch e.Op {
	case zone.Put:
		s.objects[e.Kind][e.Object.Key()] = e.Object
	case zone.Remove:
		delete(s.objects[e.Kind], e.Key)
	case zone.Replace:
		clear(s.objects[e.Kind])
		for _, o := range e.Objects {
			s.objects[e.Kind][o.Key()] = o
		}
		e.Objects = append([]zone.Object(nil), e.Objects...)
	}
	s.events = append(s.events, e)
}

func (s *memSink) Object(k zone.Kind, key zone.Key) zone.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[k][key]
}

// names returns the kind's objects as "namespace/name", in order.
func (s *memSink) names(k zone.Kind) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return namesOf(s.objects[k])
}

func namesOf(objects map[zone.Key]zone.Object) string {
	set := manifestSet{objects: map[zone.Kind]map[zone.Key]zone.Object{0: objects}}
	var out []string
	for _, k := range set.keys(0) {
		out = append(out, strings.TrimPrefix(k.Namespace+"/"+k.Name, "/"))
	}
	return strings.Join(out, " ")
}

// seen returns a copy of the events so far.
func (s *memSink) seen() []zone.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]zone.Event(nil), s.events...)
}

// replaces counts the Replace events of a kind.
func (s *memSink) replaces(k zone.Kind) (n int) {
	for _, e := range s.seen() {
		if e.Op == zone.Replace && e.Kind == k {
			n++
		}
	}
	return n
}

// waitNames waits until the kind's objects are exactly these.
func (s *memSink) waitNames(t *testing.T, k zone.Kind, want string) {
	t.Helper()
	s.wait(t, fmt.Sprintf("%v are %q", k, want), func() bool { return s.names(k) == want })
}

// wait waits until ok, which is asked after each event.
func (s *memSink) wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.mu.Lock()
			defer s.mu.Unlock()
			have := make(map[zone.Kind]string)
			for k := range maps.Keys(s.objects) {
				have[k] = namesOf(s.objects[k])
			}
			t.Fatalf("waited in vain until %s; have %v", what, have)
		}
	}
}

// waitFor waits until ok where no event tells of it.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// metric returns the value of a counter or gauge, or the number of a
// histogram's observations, with these label values in the order of the
// labels' names; -1 if there is none.
func metric(t *testing.T, g prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i, l := range m.GetLabel() {
				if i >= len(labels) || l.GetValue() != labels[i] {
					continue metrics
				}
			}
			// Only one of them is set.
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// has reports whether one line has all of the parts.
func (b *logBuffer) has(parts ...string) bool {
lines:
	for line := range strings.Lines(b.String()) {
		for _, p := range parts {
			if !strings.Contains(line, p) {
				continue lines
			}
		}
		return true
	}
	return false
}

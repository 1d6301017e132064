package zone

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		config Config
		want   error
		reason string
	}{
		{"zero", Config{}, nil, "the zero value is cluster.local"},
		{"zones", testConfig(), nil, "forward and reverse"},
		{"reverse alone", Config{Zones: names("10.in-addr.arpa")}, ErrNoForwardZone, "PTR records need names to point to"},
		{"multi-cluster", Config{Zones: names("a b"), Multicluster: names("b")}, nil, "one of the zones"},
		{"multi-cluster alone", Config{Zones: names("b"), Multicluster: names("b")}, nil, "a forward zone as well"},
		{"multi-cluster elsewhere", Config{Zones: names("a"), Multicluster: names("b")}, ErrNotAZone, "one of the zones"},
		{"TTL", Config{TTL: MaxTTL + 1}, ErrTTL, "at most an hour"},
		{"negative TTL", Config{NegativeTTL: MaxTTL + 1}, ErrTTL, "at most an hour"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.config.Validate(); !errors.Is(err, tt.want) {
				t.Errorf("Validate() = %v, want %v\nreason: %s", err, tt.want, tt.reason)
			}
			if z, err := New(tt.config); !errors.Is(err, tt.want) || (z == nil) != (tt.want != nil) {
				t.Errorf("New() = %v, %v, want %v\nreason: %s", z, err, tt.want, tt.reason)
			}
		})
	}
}

func TestZoneObjects(t *testing.T) {
	z := newZone(t, testConfig(), clusterIP("web", "10.96.0.1", ""), namespace("default"))
	if o := z.Object(Services, key("web")); o == nil || o.Key() != key("web") {
		t.Errorf("Object = %v, want the Service", o)
	}
	if o := z.Object(Namespaces, Key{Name: "default"}); o == nil || o.Kind() != Namespaces {
		t.Errorf("Object = %v, want the Namespace", o)
	}
	for _, o := range []Object{z.Object(Services, key("x")), z.Object(EndpointSlices, key("web")), z.Object(kinds, key("web"))} {
		if o != nil {
			t.Errorf("Object = %v, want nil", o)
		}
	}
	if z.Count(Services) != 1 || z.Count(Pods) != 0 {
		t.Errorf("Count = %d, %d, want 1, 0", z.Count(Services), z.Count(Pods))
	}
	z.Apply(Event{Op: Replace, Kind: Services, Objects: []Object{clusterIP("api", "10.96.0.2", "")}})
	if z.Object(Services, key("web")) != nil || z.Object(Services, key("api")) == nil {
		t.Error("Replace left an object that is not there any more, or lost one")
	}
	for i, want := range []string{"services", "endpointslices", "namespaces", "pods", "serviceimports", "unknown"} {
		if got := Kind(i).String(); got != want {
			t.Errorf("Kind(%d) = %s, want %s", i, got, want)
		}
	}
}

// The serial moves if and only if content does.
func TestSerial(t *testing.T) {
	versioned := func(o Object, version uint64) Object {
		switch o := o.(type) {
		case *Service:
			o.ResourceVersion = version
		case *EndpointSlice:
			o.ResourceVersion = version
		}
		return o
	}
	z := newZone(t, testConfig(), headless("db"))
	apex := names("cluster.local")[0]
	rows := []struct {
		name   string
		event  Event
		want   uint32
		reason string
	}{
		{"content", Event{Op: Put, Object: versioned(slice("a", "db", "", "10.1.0.1 host=h"), 1000)}, 1000, "the resourceVersion, so that replicas agree"},
		{"the same object", Event{Op: Put, Object: versioned(slice("a", "db", "", "10.1.0.1 host=h"), 1000)}, 1000, "no content moved"},
		{"the same content", Event{Op: Put, Object: versioned(slice("a", "db", "", "10.1.0.1 host=h pod=p"), 1001)}, 1000, "no content moved"},
		{"contributed twice", Event{Op: Put, Object: versioned(slice("b", "db", "", "10.1.0.1 host=h"), 1002)}, 1000, "no content moved"},
		{"contributed once again", Event{Op: Remove, Kind: EndpointSlices, Key: key("b")}, 1000, "no content moved"},
		{"a Namespace", Event{Op: Put, Object: namespace("x")}, 1000, "a name without records is in no transfer"},
		{"not ready", Event{Op: Put, Object: versioned(slice("c", "db", "", "10.1.0.9 notready"), 1003)}, 1000, "no content moved"},
		{"gone", Event{Op: Remove, Kind: EndpointSlices, Key: key("a")}, 1001, "a removal has no version: the next number"},
		{"gone again", Event{Op: Remove, Kind: EndpointSlices, Key: key("a")}, 1001, "no content moved"},
		{"an older version", Event{Op: Put, Object: versioned(slice("a", "db", "", "10.1.0.1 host=h"), 900)}, 1002, "RFC 1982: never back"},
		{"no version", Event{Op: Put, Object: slice("d", "db", "", "10.1.0.2")}, 1003, "a manifest: the next number"},
		{"past 32 bits", Event{Op: Put, Object: versioned(slice("d", "db", "", "10.1.0.3"), 1<<32+2000)}, 2000, "the low 32 bits"},
		{"Replace, the same", Event{Op: Replace, Kind: Services, Objects: []Object{headless("db")}}, 2000, "no content moved"},
	}
	for _, row := range rows {
		before := dump(t, z.Snapshot())
		was := z.Snapshot().Serial(apex)
		z.Apply(row.event)
		got := z.Snapshot().Serial(apex)
		if got != row.want {
			t.Errorf("%s: serial %d, want %d\nreason: %s", row.name, got, row.want, row.reason)
		}
		if moved := before != dump(t, z.Snapshot()); moved != (got != was) {
			t.Errorf("%s: content moved %v, serial from %d to %d", row.name, moved, was, got)
		}
	}
	if got := z.Snapshot().Serial(names("example.com")[0]); got != 0 {
		t.Errorf("serial of no zone = %d, want 0", got)
	}
	// Each zone has its own: a ClusterIP without a reverse zone moves one.
	reverse := names("10.in-addr.arpa")[0]
	was := z.Snapshot().Serial(reverse)
	z.Apply(Event{Op: Put, Object: clusterIP("far", "192.0.2.1", "")})
	if got := z.Snapshot().Serial(reverse); got != was {
		t.Errorf("serial of a zone that nothing touched went from %d to %d", was, got)
	}
}

func TestNextSerial(t *testing.T) {
	tests := []struct {
		serial  uint32
		version uint64
		want    uint32
		reason  string
	}{
		{5, 10, 10, "the version"},
		{5, 5, 6, "content moved: forward"},
		{5, 4, 6, "RFC 1982 section 3.2: not back"},
		{5, 0, 6, "no version"},
		{1<<32 - 1, 0, 1, "RFC 1982 section 3.1: it wraps, and 0 is left out"},
		{1<<32 - 1, 1<<32 + 5, 5, "RFC 1982 section 3.2: past the wrap is forward"},
		{5, 1<<31 + 6, 6, "RFC 1982 section 3.2: half the circle away is not forward"},
	}
	for _, tt := range tests {
		if got := nextSerial(tt.serial, tt.version); got != tt.want {
			t.Errorf("nextSerial(%d, %d) = %d, want %d\nreason: %s", tt.serial, tt.version, got, tt.want, tt.reason)
		}
	}
}

// A Replace that is larger than a flush and gives every slice another name
// moves no content, and so no serial, though records leave and come back.
func TestSerialLargeReplace(t *testing.T) {
	const endpoints = 4000
	z := newZone(t, testConfig())
	named := func(prefix string) (list []Object) {
		for i := range endpoints {
			list = append(list, slice(fmt.Sprint(prefix, i), "db", "p/tcp/1", fmt.Sprintf("10.%d.%d.1 host=h-%d", i>>8, i&255, i)))
		}
		return list
	}
	z.Apply(Event{Op: Put, Object: headless("db")})
	z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: named("a")})
	before, serial := dump(t, z.Snapshot()), z.Snapshot().Serial(names("cluster.local")[0])
	if n := strings.Count(before, "\n"); n < flushAt {
		t.Fatalf("the zones have %d records, too few for this test", n)
	}
	for i := range endpoints { // an endpoint leaves before it comes
		z.objects[EndpointSlices][key(fmt.Sprint("a", i))].(*EndpointSlice).ResourceVersion = 7
	}
	z.Apply(Event{Op: Replace, Kind: EndpointSlices, Objects: moved(named("a"), named("b"))})
	if dump(t, z.Snapshot()) != before {
		t.Fatal("content moved")
	}
	if got := z.Snapshot().Serial(names("cluster.local")[0]); got != serial {
		t.Errorf("serial went from %d to %d, and no content moved", serial, got)
	}
}

// moved returns objects that first empty the slices of a, and then fill those
// of b.
func moved(a, b []Object) []Object {
	list := make([]Object, 0, len(a)+len(b))
	for _, o := range a {
		s := *o.(*EndpointSlice)
		s.Endpoints = nil
		list = append(list, &s)
	}
	return append(list, b...)
}

// Names that would be too long are left out and counted, and the rest of the
// object stands.
func TestSkipped(t *testing.T) {
	long := strings.Repeat("x", 63)
	c := testConfig()
	c.Zones = names(strings.Repeat("z.", 60) + "local")
	z := newZone(t, c)
	z.Apply(Event{Op: Put, Object: headless(long)})
	z.Apply(Event{Op: Put, Object: slice("a", long, "", "10.0.0.1", "10.0.0.2 host="+long)})
	if got := z.Skipped(); got != 1 {
		t.Errorf("Skipped() = %d, want 1: the long hostname", got)
	}
	if n := strings.Count(dump(t, z.Snapshot()), long+"."); n != 2 {
		t.Errorf("%d names have the Service's, want the Service and its other endpoint:\n%s", n, dump(t, z.Snapshot()))
	}
	z.Apply(Event{Op: Remove, Kind: EndpointSlices, Key: key("a")})
	if got := z.Skipped(); got != 0 {
		t.Errorf("Skipped() = %d, want 0: it is gone", got)
	}
}

func TestDump(t *testing.T) {
	s := newZone(t, testConfig(), clusterIP("web", "10.96.0.1", "http/tcp/80")).Snapshot()
	var b strings.Builder
	if err := s.Dump(&b, names("cluster.local")[0]); err != nil {
		t.Fatal(err)
	}
	parser := dns.NewZoneParser(strings.NewReader(b.String()), "", "")
	count := 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if count++; count == 1 && rr.Header().Rrtype != dns.TypeSOA {
			t.Errorf("the first record is %v, want the SOA", rr)
		}
	}
	if err := parser.Err(); err != nil || count != 6 {
		t.Errorf("the dump has %d records, want 6, %v:\n%s", count, err, b.String())
	}
	if err := s.Dump(io.Discard, names("example.com")[0]); err == nil {
		t.Error("Dump of no zone gave no error")
	}
	if err := s.Dump(failingWriter{}, names("cluster.local")[0]); !errors.Is(err, errWrite) {
		t.Errorf("Dump = %v, want the writer's error", err)
	}
}

var errWrite = errors.New("disk full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errWrite }

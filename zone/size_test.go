package zone

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// large returns a headless Service and its slices of 100 endpoints with
// hostnames.
func large(name string, endpoints int) []Object {
	objects := []Object{headless(name)}
	var list []string
	for i := range endpoints {
		list = append(list, fmt.Sprintf("10.2.%d.%d host=pod-%d", i>>8, i&255, i))
		if len(list) == 100 || i == endpoints-1 {
			objects = append(objects, slice(fmt.Sprintf("%s-%d", name, i), name, "p/tcp/1", list...))
			list = nil
		}
	}
	return objects
}

func TestAnswerTruncated(t *testing.T) {
	s := newZone(t, testConfig(), large("big", 1000)...).Snapshot()
	tests := []struct {
		ask    ask
		want   string // answers, additionals, and tc
		reason string
	}{
		{ask{text: "big.default.svc.cluster.local A"}, "29 0 tc", "RFC 1035 section 4.2.1: 512 octets"},
		{ask{text: "big.default.svc.cluster.local A", size: 512}, "28 1 tc", "RFC 6891: the OPT record stays"},
		{ask{text: "big.default.svc.cluster.local A", size: 4096}, "73 1 tc", "1,232 octets whatever is announced"},
		{ask{text: "big.default.svc.cluster.local A", size: 512, stream: true}, "1000 1", "RFC 6891 section 6.2.5: a stream has no such limit"},
		{ask{text: "big.default.svc.cluster.local A", size: 1232, rotate: 999}, "73 1 tc", "the same number, from the last on"},
		{ask{text: "_p._tcp.big.default.svc.cluster.local SRV", size: 1232}, "21 1 tc", "RFC 2181 section 9: required data is left out"},
		{ask{text: "pod-1.big.default.svc.cluster.local SRV", size: 1232}, "1 2", "all fits"},
		{ask{text: "big.default.svc.cluster.local ANY", size: 1232}, "73 1 tc", "RFC 8482 section 4.1: one RRset, and of it what fits"},
		{ask{text: "missing.default.svc.cluster.local A", size: 512}, "0 1", "a negative answer fits"},
	}
	for _, tt := range tests {
		t.Run(tt.ask.text, func(t *testing.T) {
			_, m := exchange(t, s, tt.ask)
			got := fmt.Sprintf("%d %d", len(m.Answer), len(m.Extra))
			if m.Truncated {
				got += " tc"
			}
			if got != tt.want {
				t.Errorf("%s, want %s\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// An alias takes little of the room of what it leads to: its target is compressed,
// and what that owns leads to it (RFC 1035 section 4.1.4).
func TestAnswerAliasSize(t *testing.T) {
	objects := append(large("big", 100), external("to-big", "big.default.svc.cluster.local"), external("twice", "to-big.default.svc.cluster.local"),
		external("up", "default.svc.cluster.local"), external("away", "www.example.com"))
	s := newZone(t, testConfig(), objects...).Snapshot()
	const (
		record  = 12 // before its RDATA, with a pointer as its owner
		address = record + 4
	)
	question := func(name string) int { return 12 + len(name) + 2 + 4 }
	tests := []struct {
		name, typ string
		want      int // octets, or what is left of 512 by whole addresses
		reason    string
	}{
		{"to-big.default.svc.cluster.local", "CNAME", question("to-big.default.svc.cluster.local") + record + 4 + 2, "one label, and a pointer to the rest"},
		{"to-big.default.svc.cluster.local", "ANY", question("to-big.default.svc.cluster.local") + record + 4 + 2, "as asked by its type"},
		{"to-big.default.svc.cluster.local", "A", 512 - (512-question("to-big.default.svc.cluster.local")-record-4-2)%address, "as many addresses as fit"},
		{"twice.default.svc.cluster.local", "A", 512 - (512-question("twice.default.svc.cluster.local")-2*record-7-2-4-2)%address, "and behind two"},
		{"up.default.svc.cluster.local", "CNAME", question("up.default.svc.cluster.local") + record + 2, "a pointer alone"},
		{"away.default.svc.cluster.local", "A", question("away.default.svc.cluster.local") + record + 17, "nothing is shared"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.typ, func(t *testing.T) {
			a := ask{text: tt.name + " " + tt.typ}
			_, m := exchange(t, s, a)
			var q wire.Query
			q.Parse(a.packet(t))
			var r wire.Reply
			r.Start(&q, nil, false)
			s.Answer(&q, &r)
			if got := r.Size(); got != tt.want || m.Truncated != (tt.want > 400) {
				t.Errorf("%d octets, want %d\nreason: %s\n%v", got, tt.want, tt.reason, m)
			}
		})
	}
}

// Additional records are left out first, set by set and without TC (RFC 2181
// section 9), those of a target whole or not at all (section 5).
func TestAnswerGlue(t *testing.T) {
	s := newZone(t, testConfig(), large("mid", 20)...).Snapshot()
	const srv = "_p._tcp.mid.default.svc.cluster.local SRV"
	_, stream := exchange(t, s, ask{text: srv, stream: true})
	if len(stream.Answer) != 20 || len(stream.Extra) != 20 {
		t.Errorf("stream: %d answers, %d additionals, want 20 of each", len(stream.Answer), len(stream.Extra))
	}
	for i, rr := range stream.Extra {
		if want := stream.Answer[i].(*dns.SRV).Target; rr.Header().Name != want {
			t.Errorf("glue %d is of %s, want %s: once for each target, in order", i, rr.Header().Name, want)
		}
	}
	_, m := exchange(t, s, ask{text: srv, size: 1232})
	if len(m.Answer) != 20 || len(m.Extra) < 2 || len(m.Extra) > 10 || m.Truncated {
		t.Errorf("1,232 octets: %d answers, %d additionals, tc %v, want all answers, some additionals, no tc", len(m.Answer), len(m.Extra), m.Truncated)
	}

	// One hostname with so many addresses that its set has several chunks, which
	// have become small.
	z := newZone(t, testConfig(), headless("one"))
	endpoints := make([]string, 300)
	for i := range endpoints {
		endpoints[i] = fmt.Sprintf("10.3.%d.%d host=h", i>>8, i&255)
	}
	z.Apply(Event{Op: Put, Object: slice("one-1", "one", "p/tcp/1", endpoints...)})
	for keep := len(endpoints); keep > 40; keep-- {
		endpoints = append(endpoints[:keep/2], endpoints[keep/2+1:]...)
		z.Apply(Event{Op: Put, Object: slice("one-1", "one", "p/tcp/1", endpoints...)})
		_, m := exchange(t, z.Snapshot(), ask{text: "_p._tcp.one.default.svc.cluster.local SRV", size: 1232})
		if n := len(m.Extra) - 1; n != 0 && n != len(endpoints) || m.Truncated {
			t.Fatalf("glue has %d of %d addresses, tc %v: a part of a set", n, len(endpoints), m.Truncated)
		}
	}
}

func TestAnswerANY(t *testing.T) {
	c := testConfig()
	c.Self = addrs("10.9.9.9")
	s := newZone(t, c, clusterIP("web", "10.96.0.1,fd00::1", "http/tcp/80"), namespace("quiet")).Snapshot()
	tests := []struct{ name, udp, stream, reason string }{
		{"web.default.svc.cluster.local", "A", "A AAAA SRV", "RFC 8482 section 4.1: one RRset over UDP"},
		{"cluster.local", "SOA", "SOA NS", "RFC 8482 section 4.1: one RRset over UDP"},
		{"1.0.96.10.in-addr.arpa", "PTR", "PTR", "a name of one type"},
		{"quiet.svc.cluster.local", "", "", "a name without records"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, stream := range []bool{false, true} {
				want := tt.udp
				if stream {
					want = tt.stream
				}
				o, m := exchange(t, s, ask{text: tt.name + " ANY", stream: stream})
				var types []string
				for _, rr := range m.Answer {
					types = append(types, dns.TypeToString[rr.Header().Rrtype])
				}
				if got := strings.Join(types, " "); got != want || (o == NoData) != (want == "") {
					t.Errorf("stream %v: %s, types %q, want %q\nreason: %s", stream, outcomeNames[o], got, want, tt.reason)
				}
			}
		})
	}
}

// Rotation answers with every address first in turn, none left out and none
// twice, in sets of one chunk and of several.
func TestAnswerRotation(t *testing.T) {
	for _, size := range []int{1, 2, 3, 127, 128, 129, 400} {
		s := newZone(t, testConfig(), large("r", size)...).Snapshot()
		order := func(rotate uint32) (list []string) {
			_, m := exchange(t, s, ask{text: "r.default.svc.cluster.local A", stream: true, rotate: rotate})
			for _, rr := range m.Answer {
				list = append(list, rr.(*dns.A).A.String())
			}
			return list
		}
		plain := order(0)
		if len(plain) != size {
			t.Fatalf("%d answers, want %d", len(plain), size)
		}
		for i := range size + 2 {
			want := append(plain[i%size:len(plain):len(plain)], plain[:i%size]...)
			if diff := cmp.Diff(want, order(uint32(i))); diff != "" {
				t.Fatalf("%d addresses turned by %d (-want +got):\n%s", size, i, diff)
			}
		}
		if want := plain[(1<<32-1)%size]; order(1<<32 - 1)[0] != want {
			t.Errorf("turned by the most: %s first, want %s", order(1<<32 - 1)[0], want)
		}
	}
	// Only addresses turn: SRV records of one target stay together.
	s := newZone(t, testConfig(), large("r", 3)...).Snapshot()
	_, a := exchange(t, s, ask{text: "r.default.svc.cluster.local SRV", stream: true})
	_, b := exchange(t, s, ask{text: "r.default.svc.cluster.local SRV", stream: true, rotate: 1})
	if diff := cmp.Diff(fmt.Sprint(a.Answer, a.Extra), fmt.Sprint(b.Answer, b.Extra)); diff != "" {
		t.Errorf("SRV turned by 1 (-want +got):\n%s", diff)
	}
}

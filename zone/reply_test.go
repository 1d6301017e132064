package zone

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// answerAnything answers a packet, if it is a question, and asserts what holds of
// every reply.
func answerAnything(t testing.TB, s *Snapshot, packet []byte, rotate uint32, stream bool) {
	t.Helper()
	var q wire.Query
	if q.Parse(packet) != wire.Accept {
		return
	}
	var r wire.Reply
	r.Rotate = rotate
	r.Start(&q, nil, stream)
	result := s.Answer(&q, &r)
	if int(result.Outcome) >= len(outcomeNames) {
		t.Fatalf("outcome %d", result.Outcome)
	}
	answers := r.Count(wire.Answer)
	switch result.Outcome {
	case NotOurs, NotReady:
		if answers > 0 || (result.Outcome == NotOurs) != (result.Zone() == "") {
			t.Fatalf("%s: %d answers, zone %v", outcomeNames[result.Outcome], answers, result.Zone())
		}
	case Success, Leaves, Loop:
		if answers == 0 && !r.Truncated() {
			t.Fatalf("%s without an answer", outcomeNames[result.Outcome])
		}
	case NoData, NameError:
		s.Negative(result, &r)
	}
	reply := r.Finish()
	limit := wire.MaxUDP
	if stream {
		limit = wire.MaxTCP
	}
	if len(reply) > limit {
		t.Fatalf("reply has %d octets", len(reply))
	}
	if !bytes.HasPrefix(reply[wire.HeaderLen:], q.RawName()) {
		t.Fatal("the question came back in another case")
	}
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("reply is malformed: %v\n% x", err, reply)
	}
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		text := rr.String()
		if seen[text] && result.Outcome != Loop {
			t.Fatalf("twice in the answer: %s", text)
		}
		seen[text] = true
	}
}

// No way of an authoritative answer allocates, with a query, a reply and a buffer
// that are used again.
func TestAnswerAllocations(t *testing.T) {
	c := testConfig()
	c.Pods, c.Zonal, c.Self = PodsInsecure, true, addrs("10.9.9.9")
	s := newZone(t, c, append(append(cluster(), large("big", 1000)...), slice("nginx-z", "nginx", "", "10.1.0.99 zone=eu-1"))...).Snapshot()
	tests := []ask{
		{text: "web.default.svc.cluster.local A"},
		{text: "web.default.svc.cluster.local AAAA"},
		{text: "nginx.default.svc.cluster.local A", rotate: 1},
		{text: "big.default.svc.cluster.local A", rotate: 500},
		{text: "big.default.svc.cluster.local A", rotate: 500, stream: true},
		{text: "_web._tcp.nginx.default.svc.cluster.local SRV"},
		{text: "_p._tcp.big.default.svc.cluster.local SRV", stream: true},
		{text: "1.0.96.10.in-addr.arpa PTR"},
		{text: "missing.default.svc.cluster.local A"},
		{text: "web.default.svc.cluster.local TXT"},
		{text: "alias2.default.svc.cluster.local A"},
		{text: "loop.default.svc.cluster.local A"},
		{text: "away.default.svc.cluster.local A"},
		{text: "web.default.svc.cluster.local ANY"},
		{text: "web.default.svc.cluster.local ANY", stream: true},
		{text: "cluster.local SOA"},
		{text: "cluster.local NS"},
		{text: "10-1-2-3.default.pod.cluster.local A"},
		{text: "10-1-2-3.default.pod.cluster.local AAAA"},
		{text: "eu-1.pin._zone.nginx.default.svc.cluster.local A"},
		{text: "eu-9.prefer._zone.nginx.default.svc.cluster.local A"},
		{text: "www.example.com A"},
	}
	for _, a := range tests {
		t.Run(a.text, func(t *testing.T) {
			a.size = 1232
			packet := a.packet(t)
			buf := make([]byte, 0, wire.MaxTCP+wire.MaxName)
			var q wire.Query
			r := wire.Reply{Rotate: a.rotate}
			if n := testing.AllocsPerRun(200, func() {
				q.Parse(packet)
				r.Start(&q, buf, a.stream)
				if result := s.Answer(&q, &r); result.Outcome == NoData || result.Outcome == NameError {
					s.Negative(result, &r)
				}
				r.Finish()
			}); n != 0 {
				t.Errorf("allocates %v times, want 0", n)
			}
		})
	}
}

// The way of an answer does not grow its buffer past the limit: on UDP, where a
// buffer is as large as a packet may be, that would allocate.
func TestAnswerKeepsItsBuffer(t *testing.T) {
	objects := append(cluster(), large("big", 1000)...)
	link := func(i int) (name, namespace string) {
		return strings.Repeat(string('a'+rune(i)), 63), strings.Repeat(string('n'+rune(i)), 63)
	}
	for i := range maxChain { // aliases that do not fit
		name, namespace := link(i)
		target, in := link(i + 1)
		objects = append(objects, external(namespace+"/"+name, target+"."+in+".svc.cluster.local"))
	}
	s := newZone(t, testConfig(), objects...).Snapshot()
	name, namespace := link(0)
	for _, text := range []string{name + "." + namespace + ".svc.cluster.local A", "big.default.svc.cluster.local A", "_p._tcp.big.default.svc.cluster.local SRV", "loop.default.svc.cluster.local A"} {
		packet := ask{text: text, size: 1232}.packet(t)
		buf := make([]byte, 0, wire.MaxUDP)
		var q wire.Query
		var r wire.Reply
		if n := testing.AllocsPerRun(100, func() {
			q.Parse(packet)
			r.Start(&q, buf, false)
			s.Answer(&q, &r)
			r.Finish()
		}); n != 0 {
			t.Errorf("%s: allocates %v times with a buffer of %d octets, want 0", text, n, wire.MaxUDP)
		}
	}
}

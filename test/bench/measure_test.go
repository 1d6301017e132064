package main

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestParseStat(t *testing.T) {
	const rest = " S 7 42 42 0 -1 4194560 100 0 0 0 1234 766 5 6 20 0 5 0 100 1 2"
	tests := []struct {
		name, text string
		want       stat
		fails      bool
		reason     string
	}{
		{"usual", "42 (knotd)" + rest, stat{42, 7, 20 * time.Second}, false, "fields 1, 4, 14 and 15; the children's times after them do not count"},
		{"odd name", "42 (a) S 1 (b)" + rest, stat{42, 7, 20 * time.Second}, false, "a program's name may have parentheses and spaces"},
		{"short", "42 (knotd) S 7", stat{}, true, "no times"},
		{"empty", "", stat{}, true, "the process has gone"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseStat(test.text)
			if (err != nil) != test.fails || got != test.want {
				t.Errorf("parseStat(%q): got %v, error %v, want %v, error %t: %s", test.text, got, err, test.want, test.fails, test.reason)
			}
		})
	}
}

func TestStartedFindsGrandchildren(t *testing.T) {
	own, err := started(func() error { return nil })
	if err != nil || len(own) != 0 {
		t.Errorf("started of nothing: got %v, error %v, want no process", own, err)
	}
	sleeper := startShell(t, "sleep 60 & sleep 60 & wait")
	before, err := descendants()
	if err != nil {
		t.Fatal(err)
	}
	// The shell has forked when both are there.
	deadline := time.Now().Add(10 * time.Second)
	for len(before) < 3 && time.Now().Before(deadline) {
		if before, err = descendants(); err != nil {
			t.Fatal(err)
		}
	}
	if len(before) != 3 {
		t.Errorf("descendants: got %v, want the shell and its two children", before)
	}
	if _, err := cpuOf(before); err != nil {
		t.Error(err)
	}
	if memory, err := memoryOf(before); err != nil || memory == 0 {
		t.Errorf("memoryOf: got %d, error %v, want some", memory, err)
	}
	sleeper.Kill()
	if after, err := descendants(); err != nil || len(after) != 0 {
		t.Errorf("descendants after the end: got %v, error %v, want none", after, err)
	}
}

// statistics is what dnsperf 2.10 prints in the end.
const statistics = `
Statistics:

  Queries sent:         1010
  Queries completed:    1000 (99.01%)
  Queries lost:         10 (0.99%)

  Response codes:       NOERROR 870 (87.00%), SERVFAIL 5 (0.50%), NXDOMAIN 125 (12.50%)
  Average packet size:  request 62, response 141
  Run time (s):         2.000061
  Queries per second:   499.984751

  Average Latency (s):  0.001285 (min 0.000025, max 0.012155)
  Latency StdDev (s):   0.000407
`

func TestParsePerf(t *testing.T) {
	got, err := parsePerf(statistics)
	want := perfResult{sent: 1010, completed: 1000, perSecond: 499.984751, replySize: 141, nxdomain: 0.125, otherCodes: 0.005}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(perfResult{})); err != nil || diff != "" {
		t.Errorf("parsePerf: error %v (-want +got):\n%s", err, diff)
	}
	for name, text := range map[string]string{
		"no statistics": "Error: couldn't connect",
		"no reply":      strings.Replace(statistics, "completed:    1000", "completed:    0", 1),
	} {
		if _, err := parsePerf(text); err == nil {
			t.Errorf("parsePerf with %s: got no error", name)
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	tests := []struct {
		name   string
		values []time.Duration
		p      int
		want   time.Duration
	}{
		{"median of a hundred", hundred, 50, 50},
		{"99 of a hundred", hundred, 99, 99},
		{"all", hundred, 100, 100},
		{"of one", []time.Duration{7}, 99, 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := percentile(test.values, test.p); got != test.want {
				t.Errorf("percentile %d: got %d, want %d", test.p, got, test.want)
			}
		})
	}
}

// TestOpenLoopCountsFromWhenDue has a server that keeps every question until it
// has half of them. A loop that waited for replies would never ask that many,
// and one that measured from a later moment would not see the wait.
func TestOpenLoopCountsFromWhenDue(t *testing.T) {
	const perSecond = 200 // no more than a socket's buffer has room for, should the machine stand still
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go hold(server, perSecond/2, 1)

	questions := []question{{"a.example.", dns.TypeA}, {"b.example.", dns.TypeSRV}}
	got, err := openLoop(t.Context(), server.LocalAddr().(*net.UDPAddr).AddrPort(), questions, perSecond, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.sent != perSecond || got.completed != perSecond {
		t.Errorf("got %d questions and %d replies, want %d of both", got.sent, got.completed, perSecond)
	}
	// The two that waited longest were due at 0 and 5 ms, the next at 10; the 100th at 495 ms.
	if least := 485 * time.Millisecond; got.p99 < least {
		t.Errorf("p99: got %v, want %v at least", got.p99, least)
	}
}

func TestOpenLoopCountsLost(t *testing.T) {
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go hold(server, 1, 2)
	got, err := openLoop(t.Context(), server.LocalAddr().(*net.UDPAddr).AddrPort(), []question{{"a.example.", dns.TypeA}}, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.sent != 100 || got.completed != 50 || got.p99 != loopGrace {
		t.Errorf("got %d questions, %d replies and a p99 of %v, want 100, 50 and %v", got.sent, got.completed, got.p99, loopGrace)
	}
}

// hold echoes one in every of what it receives, the first n packets when all of
// those have come.
func hold(server *net.UDPConn, n, every int) {
	type packet struct {
		text []byte
		from netip.AddrPort
	}
	var held []packet
	for received := 1; ; received++ {
		text := make([]byte, 512)
		size, from, err := server.ReadFromUDPAddrPort(text)
		if err != nil {
			return // closed
		}
		if received%every == 0 {
			held = append(held, packet{text[:size], from})
		}
		if received < n {
			continue
		}
		for _, p := range held {
			if _, err := server.WriteToUDPAddrPort(p.text, p.from); err != nil {
				return
			}
		}
		held = held[:0]
	}
}

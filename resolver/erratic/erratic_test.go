package erratic_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/erratic"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   erratic.Config
		err    string
		reason string
	}{
		{"erratic", erratic.Config{Drop: 2}, "", "one in two is dropped"},
		{"erratic {\ndrop\n}", erratic.Config{Drop: 2}, "", "the default, said"},
		{"erratic {\ndrop 3\n}", erratic.Config{Drop: 3}, "", "an amount"},
		{"erratic {\ndelay\n}", erratic.Config{Delay: 2, Duration: 100 * time.Millisecond}, "", "a delay takes the place of drops"},
		{"erratic {\ndelay 3 50ms\ntruncate 5\n}", erratic.Config{Delay: 3, Duration: 50 * time.Millisecond, Truncate: 5}, "", "so does TC"},
		{"erratic {\ndrop\ntruncate\n}", erratic.Config{Truncate: 2}, "", "and that of drops without an amount, as in CoreDNS"},
		{"erratic {\ndrop 4\ndelay 3\nlarge\n}", erratic.Config{Drop: 4, Delay: 3, Duration: 100 * time.Millisecond, Large: true}, "", "but not of those that are given"},
		{"erratic {\ndrop 0\n}", erratic.Config{}, "", "none"},
		{"erratic x", erratic.Config{}, `Corefile:2: erratic: takes no arguments, got "x"`, "no arguments"},
		{"erratic {\ndrop -1\n}", erratic.Config{}, `Corefile:3: drop: wants an integer, 0 to 2147483647, got "-1"`, "not below 0"},
		{"erratic {\ndelay 1 x\n}", erratic.Config{}, `Corefile:3: delay: wants a duration such as 5s, 1m30s or 0s, got "x"`, "a duration"},
		{"erratic {\ndelay 1 1s 1s\n}", erratic.Config{}, `Corefile:3: delay: wants an integer, 0 to 2147483647, got "1" "1s" "1s"`, "two arguments at most"},
		{"erratic {\nbreak\n}", erratic.Config{}, `Corefile:3: unknown option "break" of erratic (known: delay, drop, large, truncate)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := erratic.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	h := erratic.New(erratic.Config{})
	tests := []struct {
		typ    uint16
		rcode  int
		want   []string
		reason string
	}{
		{dns.TypeA, dns.RcodeSuccess, []string{"Example.org. 0 IN A 192.0.2.53"}, "A"},
		{dns.TypeAAAA, dns.RcodeSuccess, []string{"Example.org. 0 IN AAAA 2001:db8::53"}, "AAAA"},
		{dns.TypeTXT, dns.RcodeServerFailure, nil, "other types"},
		{dns.TypeAXFR, dns.RcodeServerFailure, nil, "no zone to transfer"},
	}
	for _, tt := range tests {
		t.Run(dns.TypeToString[tt.typ], func(t *testing.T) {
			r := dnstest.Serve(t, h, dnstest.Question("Example.org.", tt.typ))
			if diff := cmp.Diff(tt.want, dnstest.Text(r.Answer)); diff != "" || r.Rcode != tt.rcode {
				t.Errorf("%s: rcode %d (-want +got):\n%s", tt.reason, r.Rcode, diff)
			}
			if r.Authoritative != (tt.rcode == dns.RcodeSuccess) || r.Truncated {
				t.Errorf("%s:\n%v", tt.reason, r)
			}
		})
	}
	large := dnstest.Serve(t, erratic.New(erratic.Config{Large: true}), dnstest.EDNS(dnstest.Question("example.org.", dns.TypeA), 1232))
	if len(large.Answer) != 30 || large.Truncated {
		t.Errorf("large:\n%v", large)
	}
}

// TestTurns is of six queries: d for one that is dropped, t for one with TC, which
// has its answer too.
func TestTurns(t *testing.T) {
	tests := []struct {
		config erratic.Config
		want   string
		reason string
	}{
		{erratic.Config{}, "......", "nothing is done"},
		{erratic.Config{Drop: 2}, "d.d.d.", "the first of two"},
		{erratic.Config{Drop: 1}, "dddddd", "all"},
		{erratic.Config{Truncate: 3}, "t..t..", "the first of three"},
		{erratic.Config{Drop: 2, Truncate: 3}, "d.dtd.", "a drop comes first"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			h := erratic.New(tt.config)
			got := ""
			for range 6 {
				r := dnstest.Serve(t, h, dnstest.Question("example.org.", dns.TypeA))
				switch {
				case r == nil:
					got += "d"
				case len(r.Answer) != 1 || len(r.Ns) != 0:
					t.Fatalf("not one answer:\n%v", r)
				case r.Truncated:
					got += "t"
				default:
					got += "."
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestTruncateTCP(t *testing.T) {
	x := dnstest.Exchange()
	x.Query.Transport = resolver.TCP
	responder := resolver.Responder{Handler: erratic.New(erratic.Config{Truncate: 1})}
	r := dnstest.Unpack(t, responder.Respond(x, dnstest.Pack(t, dnstest.Question("example.org.", dns.TypeA)), nil))
	if !r.Truncated || len(r.Answer) != 1 {
		t.Errorf("TC by TCP too, as in CoreDNS:\n%v", r)
	}
}

// TestDelay is of the queries that are delayed; that the others are not, TestDelayEnds
// shows.
func TestDelay(t *testing.T) {
	const duration = 20 * time.Millisecond
	h := erratic.New(erratic.Config{Delay: 2, Duration: duration})
	responder := resolver.Responder{Handler: h}
	packet := dnstest.Pack(t, dnstest.Question("example.org.", dns.TypeA))
	for i, slow := range []bool{true, false, true, false} {
		x := dnstest.Exchange()
		if out := responder.Respond(x, packet, nil); !x.Later() || len(out) > 0 {
			t.Fatal("a query that must not wait was answered")
		}
		x.Query.Context = context.Background()
		start := time.Now()
		if out := responder.Respond(x, packet, nil); len(out) == 0 {
			t.Fatal("no answer")
		}
		if took := time.Since(start); slow && took < duration {
			t.Errorf("query %d took %s", i, took)
		}
	}
}

// TestDelayEnds is of a delay of an hour: the test ends, so nobody waited for it.
func TestDelayEnds(t *testing.T) {
	responder := resolver.Responder{Handler: erratic.New(erratic.Config{Delay: 2, Duration: time.Hour})}
	packet := dnstest.Pack(t, dnstest.Question("example.org.", dns.TypeA))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	x := dnstest.Exchange()
	x.Query.Context = ended
	if out := responder.Respond(x, packet, nil); len(out) > 0 {
		t.Error("an answer that nobody waits for")
	}
	x.Query.Context = context.Background()
	if out := responder.Respond(x, packet, nil); len(out) == 0 {
		t.Error("the second query is not delayed, and answered")
	}
}

package view_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/view"
)

func TestServe(t *testing.T) {
	tests := []struct {
		text   string
		want   bool
		reason string
	}{
		{"view a", true, "no expression: every query"},
		{"view a {\nexpr true\nexpr type() == 'A'\n}", true, "all are true"},
		{"view a {\nexpr true\nexpr type() == 'MX'\n}", false, "the last is false"},
		{"view a {\nexpr false\nexpr type() == 'A'\n}", false, "the first is false"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			q := queries(t)["plain"]
			if is, _ := has(t, parse(t, tt.text), q); is != tt.want {
				t.Errorf("in the view: %v, want %v", is, tt.want)
			}
		})
	}
}

// TestOutcome passes on whatever the next handler says.
func TestOutcome(t *testing.T) {
	for _, want := range []resolver.Outcome{resolver.Answered, resolver.Later, resolver.Dropped, resolver.ServFail} {
		h := view.New(expression(t, "true"), resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return want }))
		if got := h.Serve(queries(t)["plain"], new(resolver.Reply)); got != want {
			t.Errorf("outcome %d, want %d", got, want)
		}
	}
}

// TestLog has expressions that fail for every query.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	c := parse(t, "view v {\nexpr do() || split(name(), '.')[9] == 'a'\nexpr split(name(), '.')[8] == 'a'\n}")
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	h := view.New(c, resolver.HandlerFunc(inside))
	all := queries(t)
	start := time.Now()
	for _, query := range []struct {
		name  string
		after time.Duration
	}{
		{"plain", 0}, {"plain", time.Second}, // the first expression, once
		{"EDNS", 2 * time.Second}, {"EDNS", 59 * time.Second}, // the second, once
		{"plain", 59 * time.Second}, {"plain", time.Minute}, // the first again, a minute after
		{"plain", time.Minute + time.Second},
	} {
		q := all[query.name]
		q.Received = start.Add(query.after)
		if o := h.Serve(q, new(resolver.Reply)); o != resolver.Elsewhere {
			t.Errorf("after %v: outcome %d, want %d", query.after, o, resolver.Elsewhere)
		}
	}
	const what = `level=WARN msg="view: an expression failed, so that the query is not in the view; more such failures are not logged for a minute" `
	first := what + `at=Corefile:3 view=v err="index out of range: 9 (array length is 3), at \"[9] == 'a'\""`
	second := what + `at=Corefile:4 view=v err="index out of range: 8 (array length is 4), at \"[8] == 'a'\""`
	if diff := cmp.Diff([]string{first, second, first, ""}, strings.Split(log.String(), "\n")); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// TestConcurrent has one handler decide for many clients at once.
func TestConcurrent(t *testing.T) {
	var log bytes.Buffer
	c := parse(t, "view v {\nexpr name() == client_ip() + '.'\nexpr incidr(client_ip(), '10.0.0.0/8') or any(1..3, type() == 'TXT') or incidr(metadata('x'), '10.0.0.0/8')\n}")
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	h := view.New(c, resolver.HandlerFunc(inside))
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 500 {
				client := netip.AddrFrom4([4]byte{byte(9 + i%4), 0, byte(worker), byte(i)})
				name, in := client.String(), i%4 == 1
				if i%7 == 0 {
					name, in = "192.0.2.1", false
				}
				x := dnstest.Exchange()
				x.Query.Client = netip.AddrPortFrom(client, 53)
				if x.Query.Parse(dnstest.Pack(t, dnstest.Question(name, dns.TypeA))) != wire.Accept {
					t.Error("not a query")
					return
				}
				if o := h.Serve(&x.Query, &x.Reply); (o == resolver.NoData) != in {
					t.Errorf("%s asks for %s: outcome %d, in the view: want %v", client, name, o, in)
				}
			}
		})
	}
	all.Wait()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines were logged, want 1:\n%s", n, log.String())
	}
}

// TestAllocations pins what an evaluation allocates: what the library does, which
// makes an interface of each text, and the texts.
func TestAllocations(t *testing.T) {
	tests := []struct {
		expr   string
		want   float64
		reason string
	}{
		{"incidr(client_ip(), '10.0.0.0/8') || incidr(client_ip(), '192.0.2.0/24')", 0, "what most views are made of"},
		{"do() || id() == 1", 0, "no text"},
		{"type() in ['A', 'AAAA']", 1, "a text that there is"},
		{"name() endsWith '.org.'", 2, "a text that is made first"},
		{"metadata('a/b') == ''", 0, "an empty text"},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			evaluate := view.Evaluation(expression(t, tt.expr).Expressions[0], queries(t)["plain"])
			if is, err := evaluate(); !is || err != nil {
				t.Fatalf("%v, %v", is, err)
			}
			if n := testing.AllocsPerRun(500, func() { evaluate() }); n != tt.want {
				t.Errorf("%s: %v allocations, want %v", tt.reason, n, tt.want)
			}
		})
	}
}

func BenchmarkServe(b *testing.B) {
	for _, expr := range []string{"incidr(client_ip(), '192.0.2.0/24')", "type() == 'A'", "name() endsWith '.org.'"} {
		b.Run(expr, func(b *testing.B) {
			h := view.New(expression(b, expr), resolver.HandlerFunc(inside))
			q, r := queries(b)["plain"], new(resolver.Reply)
			b.ReportAllocs()
			for b.Loop() {
				h.Serve(q, r)
			}
		})
	}
}

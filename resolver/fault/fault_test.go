package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/fault"
)

// addresses answers every question with n A records.
func addresses(n int) resolver.Handler {
	return resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		for i := range n {
			r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeA, 0, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).AsSlice()))
		}
		r.Authoritative = true
		return resolver.Answered
	})
}

// ask has h answer a question that may wait, over a transport. It returns what came
// of it in a word: an rcode, with "TC" behind it, or "none".
func ask(t testing.TB, h resolver.Handler, transport resolver.Transport, name string, typ uint16) string {
	t.Helper()
	m := serve(t, t.Context(), h, transport, dnstest.Question(name, typ))
	switch {
	case m == nil:
		return "none"
	case m.Truncated:
		return dns.RcodeToString[m.Rcode] + " TC"
	}
	return dns.RcodeToString[m.Rcode]
}

func serve(t testing.TB, ctx context.Context, h resolver.Handler, transport resolver.Transport, m *dns.Msg) *dns.Msg {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Context, x.Query.Transport = ctx, transport
	responder := resolver.Responder{Handler: h}
	out := responder.Respond(x, dnstest.Pack(t, m), nil)
	if len(out) == 0 {
		return nil
	}
	return dnstest.Unpack(t, out)
}

// set sets a fault, which must be one.
func set(t testing.TB, table *fault.Table, f fault.Fault) int {
	t.Helper()
	id, err := table.Set(f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestActions(t *testing.T) {
	tests := []struct {
		do        fault.Action
		transport resolver.Transport
		want      string
		reason    string
	}{
		{fault.Drop, resolver.UDP, "none", "no reply"},
		{fault.Drop, resolver.TCP, "none", "over TCP neither"},
		{fault.ServFail, resolver.UDP, "SERVFAIL", ""},
		{fault.Refuse, resolver.TCP, "REFUSED", ""},
		{fault.Truncate, resolver.UDP, "NOERROR TC", "RFC 7766 section 5: the client asks again over TCP"},
		{fault.Truncate, resolver.TCP, "NOERROR", "where it is answered"},
		{fault.HalfOpen, resolver.UDP, "NOERROR", "there is no connection"},
		{fault.Shuffle, resolver.UDP, "NOERROR", ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.do, " ", tt.transport), func(t *testing.T) {
			table := fault.New(fault.Config{})
			set(t, table, fault.Fault{Do: tt.do})
			if got := ask(t, table.Handler(addresses(2)), tt.transport, "web.example.org.", dns.TypeA); got != tt.want {
				t.Errorf("got %s, want %s (%s)", got, tt.want, tt.reason)
			}
		})
	}
}

func TestWhose(t *testing.T) {
	tests := []struct {
		name, typ string
		asked     string
		askedType uint16
		want      bool
		reason    string
	}{
		{"web.example.org", "", "web.example.org.", dns.TypeA, true, "a name, of every type"},
		{"WEB.Example.org.", "", "web.EXAMPLE.org.", dns.TypeSRV, true, "whatever the case"},
		{"web.example.org", "", "web-0.web.example.org.", dns.TypeA, false, "not what is below it"},
		{"web.example.org", "aaaa", "web.example.org.", dns.TypeAAAA, true, "a type"},
		{"web.example.org", "AAAA", "web.example.org.", dns.TypeA, false, "and no other"},
		{"web.example.org", "TYPE65400", "web.example.org.", 65400, true, "a type without mnemonic"},
		{"*.example.org", "", "a.web.example.org.", dns.TypeA, true, "all below a name"},
		{"*.example.org", "", "example.org.", dns.TypeA, false, "and not it itself"},
		{"*.example.org", "", "anexample.org.", dns.TypeA, false, "by labels, not letters"},
		{"*", "", "example.org.", dns.TypeA, true, "all names"},
		{"", "SRV", ".", dns.TypeSRV, true, "all names, the root among them"},
		{".", "", "org.", dns.TypeA, false, "the root alone"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			table := fault.New(fault.Config{})
			set(t, table, fault.Fault{Name: tt.name, Type: tt.typ, Do: fault.ServFail})
			got := ask(t, table.Handler(addresses(1)), resolver.UDP, tt.asked, tt.askedType) == "SERVFAIL"
			if got != tt.want {
				t.Errorf("the fault happened: %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWhich(t *testing.T) {
	tests := []struct {
		fault  fault.Fault
		want   string // of each of ten questions: x if it happened
		reason string
	}{
		{fault.Fault{}, "xxxxxxxxxx", "all"},
		{fault.Fault{Skip: 3}, "...xxxxxxx", "but the first"},
		{fault.Fault{Every: 3}, "x..x..x..x", "one in three, the first of each"},
		{fault.Fault{Skip: 1, Every: 4}, ".x...x...x", "of those that are left"},
		{fault.Fault{Count: 2}, "xx........", "so many times"},
		{fault.Fault{Every: 2, Count: 2}, "x.x.......", "of those that it happens to"},
		{fault.Fault{Probability: 1}, "xxxxxxxxxx", "certainly"},
		{fault.Fault{Probability: 0.5}, "x.....xx..", "by the seed, which is 7 here"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			table := fault.New(fault.Config{Seed: 7})
			tt.fault.Do, tt.fault.Name = fault.ServFail, "a.example."
			set(t, table, tt.fault)
			h := table.Handler(addresses(1))
			got := ""
			for range 10 {
				ask(t, h, resolver.UDP, "another.example.", dns.TypeA) // changes nothing
				if ask(t, h, resolver.UDP, "a.example.", dns.TypeA) == "SERVFAIL" {
					got += "x"
				} else {
					got += "."
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			state := table.States()[0]
			if want := strings.Count(tt.want, "x"); state.Seen != 10 || state.Done != want {
				t.Errorf("seen %d, done %d, want 10 and %d", state.Seen, state.Done, want)
			}
		})
	}
}

// TestSeveral has faults one after the other for one question.
func TestSeveral(t *testing.T) {
	table := fault.New(fault.Config{})
	h := table.Handler(addresses(1))
	once := set(t, table, fault.Fault{Do: fault.Refuse, Count: 1})
	set(t, table, fault.Fault{Do: fault.Delay, Delay: time.Millisecond})
	fails := set(t, table, fault.Fault{Do: fault.ServFail})
	steps := []struct {
		clear  []int
		want   string
		reason string
	}{
		{nil, "REFUSED", "the first that gives a reply is the last"},
		{nil, "SERVFAIL", "it is over, and a delay leads to the next"},
		{[]int{fails}, "NOERROR", "that is cleared; the delay is left"},
		{[]int{}, "NOERROR", "all are"},
	}
	for _, step := range steps {
		if step.clear != nil && !table.Clear(step.clear...) {
			t.Errorf("%s: %v was not set", step.reason, step.clear)
		}
		if got := ask(t, h, resolver.UDP, "a.example.", dns.TypeA); got != step.want {
			t.Errorf("got %s, want %s (%s)", got, step.want, step.reason)
		}
	}
	if left := table.States(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if table.Clear(once) {
		t.Error("a fault that is gone was cleared")
	}
}

// TestDelay: what waits does so where nobody waits for it, is counted once, and
// ends with its Context.
func TestDelay(t *testing.T) {
	table := fault.New(fault.Config{})
	h := table.Handler(addresses(1))
	set(t, table, fault.Fault{Do: fault.Delay, Delay: 20 * time.Millisecond})
	x := dnstest.Exchange()
	responder := resolver.Responder{Handler: h}
	if out := responder.Respond(x, dnstest.Pack(t, dnstest.Question("a.example.", dns.TypeA)), nil); len(out) > 0 || !x.Later() {
		t.Error("a query that may not wait was not put off")
	}
	began := time.Now()
	if got := ask(t, h, resolver.UDP, "a.example.", dns.TypeA); got != "NOERROR" || time.Since(began) < 20*time.Millisecond {
		t.Errorf("%s after %s, want NOERROR after 20ms", got, time.Since(began))
	}
	if seen := table.States()[0].Seen; seen != 1 {
		t.Errorf("counted %d times", seen)
	}
	table.Clear()
	for _, f := range []fault.Fault{{Do: fault.Delay, Delay: time.Hour}, {Do: fault.HalfOpen}} {
		set(t, table, f)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan *dns.Msg, 1)
		go func() {
			ended <- serve(t, ctx, h, resolver.TCP, dnstest.Question("a.example.", dns.TypeA))
		}()
		dnstest.Eventually(t, "it waits", func() bool { return table.States()[0].Done == 1 })
		cancel()
		if m := dnstest.Receive(t, "an end of "+string(f.Do), ended); m != nil {
			t.Errorf("%s: a reply to nobody: %v", f.Do, m)
		}
		table.Clear()
	}
}

func TestShuffle(t *testing.T) {
	order := func(seed uint64) string {
		table := fault.New(fault.Config{Seed: seed})
		h := table.Handler(addresses(5))
		set(t, table, fault.Fault{Do: fault.Shuffle})
		var orders []string
		for range 4 {
			m := serve(t, t.Context(), h, resolver.UDP, dnstest.Question("a.example.", dns.TypeA))
			if !m.Authoritative || len(m.Answer) != 5 {
				t.Fatalf("not the answer: %v", m)
			}
			text := ""
			for _, rr := range m.Answer {
				text += rr.(*dns.A).A.String()[len("192.0.2."):]
			}
			orders = append(orders, text)
		}
		return strings.Join(orders, " ")
	}
	if diff := cmp.Diff(order(1), order(1)); diff != "" {
		t.Errorf("another order with the same seed:\n%s", diff)
	}
	if order(1) == order(2) {
		t.Error("seeds make no difference")
	}
	for _, one := range strings.Fields(order(1)) {
		if one != "01234" {
			return
		}
	}
	t.Errorf("nothing was shuffled: %s", order(1))
}

func TestStale(t *testing.T) {
	records := 3
	table := fault.New(fault.Config{Freeze: func() (resolver.Handler, error) {
		frozen := addresses(records)
		return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
			if !wire.IsBelow(q.Name(), wire.MustParseName("cluster.local")) {
				return resolver.Elsewhere
			}
			return frozen.Serve(q, r)
		}), nil
	}})
	live := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome { return addresses(records).Serve(q, r) })
	h := table.Handler(live)
	count := func(name string) int {
		return len(serve(t, t.Context(), h, resolver.UDP, dnstest.Question(name, dns.TypeA)).Answer)
	}
	set(t, table, fault.Fault{Do: fault.Stale})
	records = 1
	if got := count("web.cluster.local."); got != 3 {
		t.Errorf("%d records, want the 3 of when the fault was set", got)
	}
	if got := count("web.example.org."); got != 1 {
		t.Errorf("%d records of another zone, want the 1 of now", got)
	}
	table.Clear()
	if got := count("web.cluster.local."); got != 1 {
		t.Errorf("%d records after the fault, want 1", got)
	}
}

// TestAsked: what a handler asks on the way has no faults.
func TestAsked(t *testing.T) {
	table := fault.New(fault.Config{})
	set(t, table, fault.Fault{Name: "b.example.", Do: fault.ServFail})
	var head resolver.Handler
	head = table.Handler(resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if q.Depth > 0 {
			return addresses(1).Serve(q, r)
		}
		_, o, err := resolver.Ask(head, q, resolver.Question{Name: "b.example.", Type: dns.TypeA})
		if err != nil {
			t.Error(err)
		}
		return o
	}))
	if got := ask(t, head, resolver.UDP, "a.example.", dns.TypeA); got != "NOERROR" {
		t.Errorf("got %s", got)
	}
	if got := ask(t, head, resolver.UDP, "b.example.", dns.TypeA); got != "SERVFAIL" {
		t.Errorf("got %s", got)
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		fault fault.Fault
		want  string
	}{
		{fault.Fault{}, `"" can't be done (known: delay, drop, servfail, refuse, truncate, stale, shuffle, half-open)`},
		{fault.Fault{Do: fault.Drop, Name: "a..b"}, `name "a..b": empty label`},
		{fault.Fault{Do: fault.Drop, Type: "B"}, `type "B": want a type of records such as A, AAAA, SRV or TYPE65`},
		{fault.Fault{Do: fault.Drop, Type: "TYPE65536"}, `type "TYPE65536": want `},
		{fault.Fault{Do: fault.Delay}, "a delay is a duration above 0, of the action delay alone"},
		{fault.Fault{Do: fault.Drop, Delay: 1}, "a delay is a duration above 0, of the action delay alone"},
		{fault.Fault{Do: fault.Drop, Every: -1}, "skip, every and count can't be below 0"},
		{fault.Fault{Do: fault.Drop, Probability: 1.5}, "probability 1.5: want 0 to 1"},
		{fault.Fault{Do: fault.Stale}, "nothing here can be stale"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			table := fault.New(fault.Config{})
			_, err := table.Set(tt.fault)
			if !errors.Is(err, fault.ErrFault) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
			if len(table.States()) > 0 {
				t.Error("it is set all the same")
			}
		})
	}
}

// TestCountsOnce has a next handler that must wait, so that each question is served
// twice: its faults count it once.
func TestCountsOnce(t *testing.T) {
	slow := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if !q.MayWait() {
			return resolver.Later
		}
		return addresses(2).Serve(q, r)
	})
	for _, do := range []fault.Action{fault.Shuffle, fault.ServFail} {
		t.Run(string(do), func(t *testing.T) {
			table := fault.New(fault.Config{})
			set(t, table, fault.Fault{Do: do, Skip: 1})
			h := table.Handler(slow)
			for _, ctx := range []context.Context{nil, t.Context()} { // as a server does
				serve(t, ctx, h, resolver.UDP, dnstest.Question("web.example.org.", dns.TypeA))
			}
			if s := table.States()[0]; s.Seen != 1 || s.Done != 0 {
				t.Errorf("seen %d times and done %d times, want once and never", s.Seen, s.Done)
			}
		})
	}
}

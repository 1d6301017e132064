package rrl_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/rrl"
)

// world answers by the first label of a name: an outcome of that name, else an
// address.
var world = resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	label := string(q.Name()[1 : 1+q.Name()[0]])
	switch {
	case strings.HasPrefix(label, "nodata"):
		return resolver.NoData
	case strings.HasPrefix(label, "nx"):
		return resolver.NameError
	case strings.HasPrefix(label, "servfail"):
		return resolver.ServFail
	case strings.HasPrefix(label, "refused"):
		return resolver.Refused
	case label == "later" && !q.MayWait():
		return resolver.Later
	}
	r.Authoritative = true
	r.Records(wire.Answer, wire.Question, wire.AppendRR(nil, wire.TypeA, 5, []byte{10, 0, 0, 1}))
	return resolver.Answered
})

// config returns a configuration for all names that change has changed.
func config(change func(c *rrl.Config)) rrl.Config {
	c := rrl.Default()
	c.Zones = []string{"."}
	change(&c)
	return c
}

// begin is when tests begin.
var begin = time.Now()

// asker asks a handler as clients of its choice, at times of its choice.
type asker struct {
	handler resolver.Handler
	x       resolver.Exchange
}

func ask(t testing.TB, c rrl.Config) *asker {
	t.Helper()
	h, err := rrl.New(c, world)
	if err != nil {
		t.Fatal(err)
	}
	return &asker{handler: h}
}

// query is one query.
type query struct {
	name      string
	typ       uint16 // A if 0
	client    string // 192.0.2.1 if empty
	after     time.Duration
	transport resolver.Transport
	trusted   bool
	depth     uint8
}

// serve asks q, and returns what the handler says and its reply.
func (a *asker) serve(t testing.TB, q query) (resolver.Outcome, *dns.Msg) {
	t.Helper()
	if q.client == "" {
		q.client = "192.0.2.1"
	}
	if q.typ == 0 {
		q.typ = dns.TypeA
	}
	x := &a.x
	if x.Query.Parse(dnstest.Pack(t, dnstest.Question(q.name, q.typ))) != wire.Accept {
		t.Fatalf("%s: no query", q.name)
	}
	x.Query.Client = netip.AddrPortFrom(netip.MustParseAddr(q.client), 5353)
	x.Query.Received, x.Query.Transport = begin.Add(q.after), q.transport
	x.Query.Trusted, x.Query.Depth = q.trusted, q.depth
	x.Reply.Start(&x.Query.Query, nil, q.transport != resolver.UDP)
	o := a.handler.Serve(&x.Query, &x.Reply)
	if o == resolver.Dropped || o == resolver.Later {
		return o, nil
	}
	x.Reply.SetRcode(o.Rcode(&x.Reply))
	return o, dnstest.Unpack(t, x.Reply.Finish())
}

// answered asks q n times, and returns how many were not dropped.
func (a *asker) answered(t testing.TB, q query, n int) (got int) {
	t.Helper()
	for range n {
		if o, _ := a.serve(t, q); o != resolver.Dropped {
			got++
		}
	}
	return got
}

// TestBalance asks a single account, allowed 5 replies a second, with a window of
// 4 seconds.
func TestBalance(t *testing.T) {
	type step struct {
		after     time.Duration
		ask, want int
	}
	tests := []struct {
		name   string
		rate   float64
		steps  []step
		reason string
	}{
		{"burst", 5, []step{{0, 20, 5}}, "a new account has a second's worth"},
		{"steady", 5, []step{{0, 5, 5}, {200 * time.Millisecond, 1, 1}, {399 * time.Millisecond, 1, 0}}, "one reply each 200 ms"},
		{"debt", 5, []step{{0, 10, 5}, {1000 * time.Millisecond, 1, 0}, {1400 * time.Millisecond, 1, 1}}, "replies that were dropped cost too"},
		{"idle", 5, []step{{0, 5, 5}, {time.Hour, 20, 5}}, "no more than a second's worth is earned"},
		{"window", 5, []step{{0, 1000, 5}, {4199 * time.Millisecond, 1, 0}, {8399 * time.Millisecond, 1, 1}}, "no more debt than the window"},
		{"flood", 5, []step{{0, 50, 5}, {time.Second, 10, 0}, {2 * time.Second, 10, 0}, {3 * time.Second, 10, 0}}, "a flood gets nothing while it lasts"},
		{"less than one", 0.5, []step{{0, 3, 1}, {time.Hour, 3, 1}}, "one reply each 2 s, however long the account rested"},
		{"thirds", 3, []step{{0, 9, 3}}, "a cost that is no whole number of nanoseconds"},
		{"back in time", 5, []step{{time.Second, 3, 3}, {time.Second - time.Millisecond, 9, 1}}, "readers may see packets out of order: a millisecond less was earned"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ask(t, config(func(c *rrl.Config) { c.PerSecond[rrl.Response], c.Window = tt.rate, 4*time.Second }))
			for i, s := range tt.steps {
				if got := a.answered(t, query{name: "web.example", after: s.after}, s.ask); got != s.want {
					t.Errorf("%s: step %d: %d of %d answered, want %d", tt.reason, i, got, s.ask, s.want)
				}
			}
		})
	}
}

// TestAccounts asks until an account is overdrawn, and then another question.
func TestAccounts(t *testing.T) {
	c := config(func(c *rrl.Config) {
		c.PerSecond = [rrl.Classes]float64{2, 2, 2, 2}
		c.Zones = []string{"example.", "sub.example."}
	})
	const v6 = "2001:db8:0:100::1"
	tests := []struct {
		name          string
		first, second query
		shared        bool
		reason        string
	}{
		{"same", query{name: "web.example"}, query{name: "WEB.example"}, true, "RFC 4343: case tells no names apart"},
		{"other name", query{name: "web.example"}, query{name: "db.example"}, false, "answers are alike by name"},
		{"other type", query{name: "web.example"}, query{name: "web.example", typ: dns.TypeAAAA}, false, "answers are alike by type"},
		{"NODATA type", query{name: "nodata.example"}, query{name: "nodata.example", typ: dns.TypeAAAA}, true, "NODATA is alike for all types"},
		{"NODATA name", query{name: "nodata.example"}, query{name: "nodata2.example"}, false, "NODATA is alike by name"},
		{"NXDOMAIN", query{name: "nx1.example"}, query{name: "nx2.example"}, true, "names that do not exist are without end"},
		{"NXDOMAIN zone", query{name: "nx1.example"}, query{name: "nx1.sub.example"}, false, "NXDOMAIN is alike by zone"},
		{"errors", query{name: "servfail.example"}, query{name: "refused.sub.example"}, true, "errors are all alike"},
		{"classes", query{name: "nx.example"}, query{name: "servfail.example"}, false, "each class has its own"},
		{"same prefix", query{name: "web.example"}, query{name: "web.example", client: "192.0.2.255"}, true, "24 bits"},
		{"other prefix", query{name: "web.example"}, query{name: "web.example", client: "192.0.3.1"}, false, "24 bits"},
		{"same IPv6 prefix", query{name: "web.example", client: v6}, query{name: "web.example", client: "2001:db8:0:1ff::2"}, true, "56 bits"},
		{"other IPv6 prefix", query{name: "web.example", client: v6}, query{name: "web.example", client: "2001:db8:0:200::1"}, false, "56 bits"},
		{"families", query{name: "web.example", client: "::c000:201"}, query{name: "web.example", client: "0.0.0.1"}, false, "zeros of either family"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ask(t, c)
			if got := a.answered(t, tt.first, 5); got != 2 {
				t.Fatalf("%d answered, want 2", got)
			}
			want := 2
			if tt.shared {
				want = 0
			}
			if got := a.answered(t, tt.second, 5); got != want {
				t.Errorf("%s: %d of the other's answered, want %d", tt.reason, got, want)
			}
		})
	}
}

func TestExempt(t *testing.T) {
	limited := func(c *rrl.Config) {
		c.PerSecond, c.Requests = [rrl.Classes]float64{1, 1, 1, 1}, 1
		c.Zones = []string{"example."}
	}
	tests := []struct {
		name   string
		change func(c *rrl.Config)
		query  query
		reason string
	}{
		{"TCP", limited, query{name: "web.example", transport: resolver.TCP}, "the client's address is its own"},
		{"cookie", limited, query{name: "web.example", trusted: true}, "RFC 7873 section 5.2.5: the client's address is its own"},
		{"our own question", limited, query{name: "web.example", depth: 1}, "it is no reply to a client"},
		{"other zone", limited, query{name: "web.test"}, "the directive is not about it"},
		{"no allowance", func(*rrl.Config) {}, query{name: "web.example"}, "off by default"},
		{"class without", func(c *rrl.Config) { c.PerSecond[rrl.Response] = 1 }, query{name: "nx.example"}, "0 is no limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ask(t, config(tt.change))
			if got := a.answered(t, tt.query, 100); got != 100 {
				t.Errorf("%s: %d of 100 answered", tt.reason, got)
			}
		})
	}
}

// TestSlip shows what each reply is once the limit of one a second is reached.
func TestSlip(t *testing.T) {
	tests := []struct {
		name   string
		query  string
		slip   int
		want   string // for each reply: as it is, dropped, or truncated
		reason string
	}{
		{"none", "web.example", 0, "adddddd", "the default"},
		{"all", "web.example", 1, "atttttt", "each first one"},
		{"every second", "web.example", 2, "adtdtdt", "each second one"},
		{"every third", "nx.example", 3, "addtddt", "negative replies too"},
		{"errors", "servfail.example", 2, "adadada", "an error is as small as it can be, and clients act on it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := ask(t, config(func(c *rrl.Config) { c.PerSecond, c.Slip = [rrl.Classes]float64{1, 1, 1, 1}, tt.slip }))
			got := ""
			for range tt.want {
				o, m := a.serve(t, query{name: tt.query})
				switch {
				case o == resolver.Dropped:
					got += "d"
				case !m.Truncated:
					got += "a"
				default:
					got += "t"
					if len(m.Answer)+len(m.Ns)+len(m.Extra) > 0 || m.Rcode != dns.RcodeSuccess || len(m.Question) != 1 || m.Authoritative {
						t.Errorf("a truncated reply says more than that it is:\n%v", m)
					}
				}
			}
			if got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	a := ask(t, config(func(c *rrl.Config) { c.Requests = 3 }))
	names := []string{"web.example", "nx.example", "servfail.example", "nodata.example", "db.example"}
	got := 0
	for _, name := range names {
		got += a.answered(t, query{name: name}, 1)
	}
	if got != 3 {
		t.Errorf("%d queries of one client of any kind are answered, want 3", got)
	}
	if got := a.answered(t, query{name: "web.example", client: "192.0.3.1"}, 5); got != 3 {
		t.Errorf("%d queries of another client are answered, want 3", got)
	}
	t.Run("a query served twice pays once", func(t *testing.T) {
		a := ask(t, config(func(c *rrl.Config) { c.Requests, c.PerSecond[rrl.Response] = 3, 2 }))
		served := 0
		for range 3 {
			a.x.Query.Context = nil
			if o, _ := a.serve(t, query{name: "later.example"}); o != resolver.Later {
				t.Fatalf("outcome %d, want Later", o)
			}
			a.x.Query.Context = t.Context()
			if o, _ := a.serve(t, query{name: "later.example"}); o == resolver.Answered {
				served++
			}
		}
		if served != 2 {
			t.Errorf("%d answered, want the 2 that are allowed of the 3 that may be asked", served)
		}
		if o, _ := a.serve(t, query{name: "web.example"}); o != resolver.Dropped {
			t.Errorf("outcome %d of the fourth query, want Dropped", o)
		}
	})
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := rrl.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	change := func(c *rrl.Config) {
		c.Metrics, c.PerSecond, c.Requests, c.Slip = metrics, [rrl.Classes]float64{1, 1, 1, 1}, 10, 3
	}
	a := ask(t, config(change))
	a.answered(t, query{name: "web.example"}, 6)  // 1 answered, 4 dropped, 1 slipped
	a.answered(t, query{name: "nx.example"}, 2)   // 1 answered, 1 dropped
	a.answered(t, query{name: "web2.example"}, 5) // 1 answered, 1 dropped, 3 not asked
	report := ask(t, config(func(c *rrl.Config) { change(c); c.ReportOnly = true }))
	if got := report.answered(t, query{name: "nodata.example"}, 12); got != 12 { // 11 over the limit, 2 of them not to be asked
		t.Errorf("%d of 12 are answered though they are only counted", got)
	}
	full := ask(t, config(func(c *rrl.Config) { change(c); c.TableSize, c.Requests = 1, 0 }))
	full.answered(t, query{name: "web.example"}, 1)
	full.answered(t, query{name: "db.example"}, 1) // it takes the place
	want := `
rollcall_rrl_accounts_evicted_total 1
rollcall_rrl_requests_exceeded_total{action="dropped"} 3
rollcall_rrl_requests_exceeded_total{action="reported"} 2
rollcall_rrl_responses_exceeded_total{action="dropped",class="nxdomain"} 1
rollcall_rrl_responses_exceeded_total{action="dropped",class="response"} 5
rollcall_rrl_responses_exceeded_total{action="reported",class="nodata"} 11
rollcall_rrl_responses_exceeded_total{action="slipped",class="response"} 1
`
	if diff := cmp.Diff(strings.TrimSpace(want), counted(t, registry)); diff != "" {
		t.Errorf("metrics that have counted (-want +got):\n%s", diff)
	}
	if _, err := rrl.NewMetrics(registry); err == nil {
		t.Error("metrics are registered twice")
	}
}

// counted returns the lines of metrics that are not 0.
func counted(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestNewErrors(t *testing.T) {
	tests := []struct {
		name   string
		config rrl.Config
		want   string
	}{
		{"nothing", rrl.Config{}, "rrl: a table of 0 accounts and a window of 0s: neither may be none"},
		{"zone", config(func(c *rrl.Config) { c.Zones = []string{"a..b."} }), `rrl: "a..b." is not a zone: `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := rrl.New(tt.config, world); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestConcurrently has many goroutines spend one account: none of it is spent
// twice, and none lost.
func TestConcurrently(t *testing.T) {
	const allowed, goroutines, each = 1000, 8, 500
	h, err := rrl.New(config(func(c *rrl.Config) { c.PerSecond[rrl.Response] = allowed }), world)
	if err != nil {
		t.Fatal(err)
	}
	var answered atomic.Int64
	var done sync.WaitGroup
	for range goroutines {
		done.Go(func() {
			a := asker{handler: h}
			answered.Add(int64(a.answered(t, query{name: "web.example"}, each)))
		})
	}
	done.Wait()
	if got := answered.Load(); got != allowed {
		t.Errorf("%d of %d are answered, want %d", got, goroutines*each, allowed)
	}
}

// TestAllocations asks by names that have no account yet as well: the table has its
// memory.
func TestAllocations(t *testing.T) {
	h, err := rrl.New(config(func(c *rrl.Config) {
		c.PerSecond, c.Requests, c.TableSize = [rrl.Classes]float64{1, 1, 1, 1}, 5, 64
	}), world)
	if err != nil {
		t.Fatal(err)
	}
	x := dnstest.Exchange()
	packet := dnstest.Pack(t, dnstest.Question("nodata-0.example.", dns.TypeA))
	buf := make([]byte, 0, wire.UDPBuffer)
	responder := resolver.Responder{Handler: h}
	if n := testing.AllocsPerRun(1000, func() {
		packet[12+8]++ // another name
		x.Query.Received = x.Query.Received.Add(time.Millisecond)
		responder.Respond(x, packet, buf)
	}); n != 0 {
		t.Errorf("%v allocations for a query, want 0", n)
	}
}

func BenchmarkServe(b *testing.B) {
	h, err := rrl.New(config(func(c *rrl.Config) { c.PerSecond[rrl.NoData] = 1 }), world)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		x := dnstest.Exchange()
		if x.Query.Parse(dnstest.Pack(b, dnstest.Question("nodata.example.", dns.TypeA))) != wire.Accept {
			b.Error("no query")
			return
		}
		for pb.Next() {
			h.Serve(&x.Query, &x.Reply)
		}
	})
}

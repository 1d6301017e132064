package log_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/log"
)

// output is a writer that keeps each Write.
type output struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, string(b))
	return len(b), nil
}

// handler returns a Handler of log directives, over the fixture's zone.
func handler(t testing.TB, out *output, directives string) resolver.Handler {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n"+directives+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	var configs []log.Config
	for _, d := range f.Blocks[0].Directives {
		c, err := log.Parse(d)
		if err != nil {
			t.Fatal(err)
		}
		configs = append(configs, c)
	}
	h, err := log.New(configs, out, &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var duration = regexp.MustCompile(`\b0\.\d+s`)

func TestLine(t *testing.T) {
	const web = "Web.default.svc.cluster.local."
	tests := []struct {
		name   string
		format string
		msg    *dns.Msg
		want   string
		reason string
	}{
		{
			"plain", "", dnstest.Question(web, dns.TypeA),
			`192.0.2.1:5353 - 1 "A IN ` + web + ` udp 47 false 512" NOERROR qr,aa,rd 63 DURATION`,
			"without EDNS the client takes 512 octets: RFC 1035 section 4.2.1",
		},
		{
			"EDNS", "{combined}", dnstest.Question(web, dns.TypeA).SetEdns0(4096, true),
			`192.0.2.1:5353 - 1 "A IN ` + web + ` udp 58 true 4096" NOERROR qr,aa,rd 74 DURATION "0"`,
			"what the client announced, not what is sent: RFC 6891 section 6.2.3",
		},
		{
			"no data", "{name} {type} {rcode} {/log/class} {/log/type}", dnstest.Question(web, 666),
			web + ` TYPE666 NOERROR denial NODATA`, "RFC 3597 section 5 for the type",
		},
		{
			"no name", "{rcode} {/log/class} {/log/type} {local} {/kubernetes/namespace}", dnstest.Question("nothing.cluster.local.", dns.TypeA),
			"NXDOMAIN denial NXDOMAIN 127.0.0.1 -", "metadata is none's",
		},
		{
			"refused", "{rcode} {/log/class} {>rflags}", dnstest.Question("example.com.", dns.TypeA),
			"REFUSED error qr,rd", "not ours, and so without AA",
		},
		{
			"a name with anything in it", "{name}", dnstest.Question(`a\010b\"\.c.cluster.local.`, dns.TypeA),
			`a\010b\"\.c.cluster.local.`, "a name can't end the line, nor begin another",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			directive := "log"
			if tt.format != "" {
				directive += ` . "` + tt.format + `"`
			}
			dnstest.Serve(t, handler(t, &out, directive), tt.msg)
			var got []string
			for _, line := range out.lines {
				got = append(got, duration.ReplaceAllString(line, "DURATION"))
			}
			if diff := cmp.Diff([]string{"[INFO] " + tt.want + "\n"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestLineOfTCP(t *testing.T) {
	var out output
	x := dnstest.Exchange()
	x.Query.Transport = resolver.TCP
	responder := resolver.Responder{Handler: handler(t, &out, `log . "{proto} {>bufsize}"`)}
	responder.Respond(x, dnstest.Pack(t, dnstest.EDNS(dnstest.Question("cluster.local.", dns.TypeSOA), 512)), nil)
	if got, want := out.lines[0], "[INFO] tcp 65535\n"; got != want {
		t.Errorf("got %q, want %q: the UDP size means nothing by TCP", got, want)
	}
}

func TestDropped(t *testing.T) {
	format, err := log.ParseFormat(`{name} {rcode} {>rflags} {rsize} {/log/class}`)
	if err != nil {
		t.Fatal(err)
	}
	var out output
	rules := []log.Config{{Rules: []log.Rule{{Zone: ".", Classes: log.All, Format: format}}}}
	h, err := log.New(rules, &out, resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.Dropped }))
	if err != nil {
		t.Fatal(err)
	}
	if m := dnstest.Serve(t, h, dnstest.Question("a.", dns.TypeA)); m != nil {
		t.Fatalf("a reply: %v", m)
	}
	if got, want := out.lines[0], "[INFO] a. - - - -\n"; got != want {
		t.Errorf("got %q, want %q: there is no reply to tell of", got, want)
	}
}

// TestRules sees which queries are logged, and by which rule.
func TestRules(t *testing.T) {
	const (
		found   = "web.default.svc.cluster.local."
		noName  = "nothing.cluster.local."
		refused = "example.com."
	)
	tests := []struct {
		name, directives string
		want             []string
		reason           string
	}{
		{"all", "log . {name}", []string{found, noName, refused}, "the root has every name"},
		{"none", "", nil, "no rule"},
		{"a zone", "log cluster.local {name}", []string{found, noName}, "names in it"},
		{"zones", "log default.svc.CLUSTER.local example.com {name}", []string{found, refused}, "case is ignored"},
		{"success", "log . {name} {\nclass success\n}", []string{found}, "NOERROR with records"},
		{"denial", "log . {name} {\nclass denial\n}", []string{noName}, "NXDOMAIN and NODATA"},
		{"error", "log . {name} {\nclass error\n}", []string{refused}, "what is neither"},
		{"first rule", "log cluster.local 1{name} {\nclass denial\n}\nlog . 2{name}", []string{"1" + noName, "2" + refused}, "the first rule of a name decides, and may say no"},
		{"order", "log . 1{name}\nlog cluster.local 2{name}", []string{"1" + found, "1" + noName, "1" + refused}, "first, and not longest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out output
			h := handler(t, &out, tt.directives)
			for _, name := range []string{found, noName, refused} {
				dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA))
			}
			var got []string
			for _, line := range out.lines {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(line, "[INFO] "), "\n"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestConcurrently sees that lines are whole.
func TestConcurrently(t *testing.T) {
	const queries = 200
	var out output
	h := handler(t, &out, "log . {name}")
	var all sync.WaitGroup
	for i := range queries {
		all.Go(func() { dnstest.Serve(t, h, dnstest.Question(fmt.Sprintf("name%d.cluster.local.", i), dns.TypeA)) })
	}
	all.Wait()
	whole := regexp.MustCompile(`^\[INFO\] name\d+\.cluster\.local\.\n$`)
	seen := map[string]bool{}
	for _, line := range out.lines {
		if !whole.MatchString(line) {
			t.Errorf("a line is %q", line)
		}
		seen[line] = true
	}
	if len(seen) != queries {
		t.Errorf("%d different lines, want %d", len(seen), queries)
	}
}

func TestNewErrors(t *testing.T) {
	rules := []log.Config{{Rules: []log.Rule{{Zone: "a..b"}}}}
	if _, err := log.New(rules, new(bytes.Buffer), resolver.Refuse{}); err == nil {
		t.Error("a zone that is no name: no error")
	}
}

func ExampleHandler() {
	format, err := log.ParseFormat(`"{type} {name}" {rcode}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	config := log.Config{Rules: []log.Rule{{Zone: ".", Classes: log.All, Format: format}}}
	h, err := log.New([]log.Config{config}, os.Stdout, resolver.Refuse{})
	if err != nil {
		fmt.Println(err)
		return
	}
	packet, err := new(dns.Msg).SetQuestion("example.com.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	responder := resolver.Responder{Handler: h}
	responder.Respond(new(resolver.Exchange), packet, nil)
	// Output: [INFO] "A example.com." REFUSED
}

// TestLabels has a handler tell something of the query.
func TestLabels(t *testing.T) {
	const format = "{name} {/forward/upstream} {/other/label}"
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\nlog . \""+format+"\"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := log.Parse(f.Blocks[0].Directives[0])
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	h, err := log.New([]log.Config{c}, &out, resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		q.Note("forward/upstream", "192.0.2.1:53")
		return resolver.NoData
	}))
	if err != nil {
		t.Fatal(err)
	}
	question := dnstest.Question("name.example.", dns.TypeA)
	dnstest.Serve(t, h, question)
	dnstest.Serve(t, resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		q.Labels = map[string]string{}
		return h.Serve(q, r)
	}), question)
	want := "[INFO] name.example. - -\n[INFO] name.example. 192.0.2.1:53 -\n"
	if out.String() != want {
		t.Errorf("logged %q, want %q: labels count where there is metadata", out.String(), want)
	}
}

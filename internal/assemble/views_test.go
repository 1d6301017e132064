package assemble_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// answers returns the first A or TXT record of a reply, or its rcode.
func answers(m *dns.Msg) string {
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			return rr.A.String()
		case *dns.TXT:
			return strings.Join(rr.Txt, " ")
		}
	}
	return dns.RcodeToString[m.Rcode]
}

// askAs asks by UDP from an address of this machine.
func askAs(t testing.TB, from, addr string, m *dns.Msg) string {
	t.Helper()
	client := dns.Client{Timeout: 30 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	reply, _, err := client.Exchange(m, addr)
	if err != nil {
		t.Fatalf("asking from %s: %v", from, err)
	}
	return answers(reply)
}

// TestViews has several server blocks of one zone and port, and some of a longer one.
func TestViews(t *testing.T) {
	p := start(t, `
(common) {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    log . "view {/view/name} {name} {type}"
}
.:0 {
    import common
    metadata
    view inside {
        expr incidr(client_ip(), '127.0.0.2/31')
    }
    acl {
        block type MX
    }
    chaos inside-1
    hosts {
        10.0.0.1 www.example.org
        fallthrough
    }
}
b.example:0 {
    import common
    view never {
        expr incidr(name(), '127.0.0.0/8')
    }
    hosts {
        10.0.0.9 www.b.example
    }
}
.:0 {
    import common
    metadata
    view text {
        expr type() in ['TXT', 'HINFO']
        expr name() endsWith '.example.org.'
    }
    template IN TXT . {
        answer "{{ .Name }} 60 IN TXT some text"
    }
}
b.example:0 {
    import common
    view short {
        expr len(name()) < 14
    }
    hosts {
        10.0.0.3 a.b.example
    }
}
cluster.local:0 {
    import common
    metadata
    view prod {
        expr metadata('kubernetes/namespace') == 'prod' && metadata('view/name') == 'prod'
    }
    kubernetes {
        manifests `+manifest(t, "web=10.0.0.4")+`
        default_namespace prod
    }
}
.:0 {
    import common
    hosts {
        10.0.0.2 www.example.org www.b.example
        fallthrough
    }
}
`)
	addr := p.addr()
	const in, out = "127.0.0.2", "127.0.0.4"
	version := dnstest.Question("version.bind.", dns.TypeTXT)
	version.Question[0].Qclass = dns.ClassCHAOS
	tests := []struct {
		from   string
		m      *dns.Msg
		want   string
		reason string
	}{
		{in, dnstest.Question("www.example.org.", dns.TypeA), "10.0.0.1", "the first view"},
		{"127.0.0.3", dnstest.Question("www.example.org.", dns.TypeA), "10.0.0.1", "the first view"},
		{out, dnstest.Question("www.example.org.", dns.TypeA), "10.0.0.2", "in no view: the block without one"},
		{out, dnstest.Question("a.example.org.", dns.TypeTXT), "some text", "the second view, both expressions"},
		{out, dnstest.Question("a.example.com.", dns.TypeTXT), "REFUSED", "one of two expressions: the block without a view"},
		{in, dnstest.Question("a.example.org.", dns.TypeTXT), "REFUSED", "two views: the first block"},
		{in, dnstest.Question("a.example.org.", dns.TypeMX), "REFUSED", "acl of the first block"},
		{in, dnstest.Question("a.b.example.", dns.TypeA), "10.0.0.3", "the second block of the longest zone, though the first for all zones would have it"},
		{out, dnstest.Question("www.b.example.", dns.TypeA), "10.0.0.2", "no view of the longest zone: the next shorter zone, as in CoreDNS"},
		{in, dnstest.Question("www.b.example.", dns.TypeA), "REFUSED", "there in the order of the Corefile"},
		{out, dnstest.Question("web.prod.svc.cluster.local.", dns.TypeA), "10.0.0.4", "metadata is there before the view"},
		{out, dnstest.Question("web.dev.svc.cluster.local.", dns.TypeA), "REFUSED", "another namespace: the next shorter zone"},
		{in, version, "inside-1", "class CH goes by views too"},
		{out, version, "REFUSED", "to a block without chaos"},
	}
	for _, tt := range tests {
		t.Run(tt.from+" "+tt.m.Question[0].Name+" "+dns.TypeToString[tt.m.Question[0].Qtype], func(t *testing.T) {
			if got := askAs(t, tt.from, addr, tt.m); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
	t.Run("log", func(t *testing.T) {
		got := regexp.MustCompile(`view \S+ (www|web|a)\.\S+ (A|TXT)`).FindAllString(p.log(), -1)
		want := []string{
			"view inside www.example.org. A", "view inside www.example.org. A", "view - www.example.org. A", "view text a.example.org. TXT",
			"view - a.example.com. TXT", "view inside a.example.org. TXT", "view - a.b.example. A", "view - www.b.example. A",
			"view inside www.b.example. A", "view prod web.prod.svc.cluster.local. A", "view - web.dev.svc.cluster.local. A",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("each query once, with its view where the block has metadata (-want +got):\n%s", diff)
		}
		if n := strings.Count(p.log(), `at=Corefile:`); n != 1 || !strings.Contains(p.log(), `view=never err="incidr: \"`) {
			t.Errorf("%d failures of an expression were logged, want 1", n)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		_, text := get(t, p.endpoint("metrics")+"/metrics")
		got := regexp.MustCompile(`coredns_(dns_requests_total\{.*type="A"|acl_blocked.*\{|template_matches.*\{|plugin_enabled\{name="(view|hosts)").*`).FindAllString(text, -1)
		const server = `server="dns://127.0.0.1:0"`
		want := []string{
			`coredns_acl_blocked_requests_total{` + server + `,view="inside",zone="."} 1`,
			`coredns_template_matches_total{class="IN",` + server + `,type="TXT",view="text",zone="."} 1`,
		}
		for view, n := range map[string]int{"inside": 3, "": 3} {
			want = append(want, fmt.Sprintf(`coredns_dns_requests_total{family="1",proto="udp",%s,type="A",view="%s",zone="."} %d`, server, view, n))
		}
		want = append(want,
			`coredns_dns_requests_total{family="1",proto="udp",`+server+`,type="A",view="short",zone="b.example."} 1`,
			`coredns_dns_requests_total{family="1",proto="udp",`+server+`,type="A",view="prod",zone="cluster.local."} 1`,
		)
		for _, at := range []string{`view="",zone="."`, `view="inside",zone="."`, `view="never",zone="b.example."`, `view="short",zone="b.example."`} {
			want = append(want, `coredns_plugin_enabled{name="hosts",`+server+`,`+at+`} 1`)
		}
		for _, at := range []string{`view="inside",zone="."`, `view="never",zone="b.example."`, `view="prod",zone="cluster.local."`, `view="short",zone="b.example."`, `view="text",zone="."`} {
			want = append(want, `coredns_plugin_enabled{name="view",`+server+`,`+at+`} 1`)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestViewsCached has a cache in each of two views: one's answers are not the
// other's.
func TestViewsCached(t *testing.T) {
	upstream := func(ip string) string {
		return start(t, ".:0 {\nbind 127.0.0.1\nhosts {\n"+ip+" www.example.org\n}\n}").addr()
	}
	p := start(t, `
.:0 {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    view inside {
        expr client_ip() == '127.0.0.2'
    }
    cache 30
    forward . `+upstream("10.0.0.1")+`
}
.:0 {
    bind 127.0.0.1
    cache 30
    forward . `+upstream("10.0.0.2")+`
}
`)
	addr := p.addr()
	for range 2 {
		for from, want := range map[string]string{"127.0.0.2": "10.0.0.1", "127.0.0.3": "10.0.0.2"} {
			if got := askAs(t, from, addr, dnstest.Question("www.example.org.", dns.TypeA)); got != want {
				t.Errorf("from %s: %s, want %s", from, got, want)
			}
		}
	}
	_, text := get(t, p.endpoint("metrics")+"/metrics")
	for _, view := range []string{"inside", ""} {
		if want := `coredns_cache_hits_total{server="dns://127.0.0.1:0",type="success",view="` + view + `",zones="."} 1`; !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestViewsReload changes the views of a running process.
func TestViewsReload(t *testing.T) {
	addr := freeAddr(t)
	block := func(expr, ip string) string {
		if expr != "" {
			expr = "view v {\nexpr " + expr + "\n}\n"
		}
		return key(".", addr) + " {\n" + bound(addr) + expr + "hosts {\n" + ip + " www.example.org\n}\n}\n"
	}
	rest := block("", "10.0.0.2")
	var file changing
	file.set(block("client_ip() == '127.0.0.2'", "10.0.0.1") + rest)
	p := startChanging(t, file.get)
	at := p.addr()
	tests := []struct{ name, text, says, in, want string }{
		{"another view", block("client_ip() == '127.0.0.3'", "10.0.0.1") + rest, changed, "", "10.0.0.2"},
		{"a broken one", block("client_ip() = '127.0.0.2'", "10.0.0.1") + rest, kept, `Corefile:4: expr: unexpected token Operator(\"=\"), at \"= '127.0.0.2'\"`, "10.0.0.2"},
		{"back", block("client_ip() == '127.0.0.2'", "10.0.0.3") + rest, changed, "", "10.0.0.3"},
		{"no view", rest, changed, "", "10.0.0.2"},
	}
	ask := func() string { return askAs(t, "127.0.0.2", at, dnstest.Question("www.example.org.", dns.TypeA)) }
	if got := ask(); got != "10.0.0.1" {
		t.Errorf("at the start: %s", got)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file.set(tt.text)
			p.hangUp(tt.says)
			if got := ask(); got != tt.want || !strings.Contains(p.log(), tt.in) {
				t.Errorf("%s, want %s; in the log should be %s", got, tt.want, tt.in)
			}
		})
	}
}

// TestViewsOfSchemes has views of one zone behind TLS and HTTPS.
func TestViewsOfSchemes(t *testing.T) {
	cert, key, roots := dnstest.Certificate(t, t.TempDir(), "dns.example")
	serve := func(scheme string) string {
		block := func(view, ip string) string {
			return fmt.Sprintf("%s://.:0 {\nbind 127.0.0.1\ntls %s %s\n%s\nhosts {\n%s www.example.org\n}\n}\n", scheme, cert, key, view, ip)
		}
		return start(t, block("view v {\nexpr proto() == 'tcp' and client_ip() == '127.0.0.2'\n}", "10.0.0.1")+block("", "10.0.0.2")).addr()
	}
	question := dnstest.Question("www.example.org.", dns.TypeA)
	from := func(ip string) *net.Dialer { return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}} }
	want := map[string]string{"127.0.0.2": "10.0.0.1", "127.0.0.3": "10.0.0.2"}
	t.Run("tls", func(t *testing.T) {
		at := serve("tls")
		for ip, want := range want {
			c := dns.Client{Net: "tcp-tls", TLSConfig: &tls.Config{RootCAs: roots}, Dialer: from(ip), Timeout: 30 * time.Second}
			r, _, err := c.Exchange(question, at)
			if err != nil {
				t.Fatal(err)
			}
			if got := answers(r); got != want {
				t.Errorf("from %s: %s, want %s", ip, got, want)
			}
		}
	})
	t.Run("https", func(t *testing.T) {
		at := serve("https")
		for ip, want := range want {
			c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: from(ip).DialContext}}
			defer c.CloseIdleConnections()
			r, err := c.Post("https://"+at+"/dns-query", "application/dns-message", bytes.NewReader(dnstest.Pack(t, question)))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got := answers(dnstest.Unpack(t, body)); got != want {
				t.Errorf("from %s: %s, want %s", ip, got, want)
			}
		}
	})
}

func TestViewErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{". {\nview a\nview b\n}", "Corefile:3: view: a server block can have only one", "as in CoreDNS"},
		{". {\nview a {\nexpr nam() == 'a.'\n}\n}", `Corefile:3: expr: unknown name nam, at "nam() == 'a.'"`, "at its line"},
		{". {\nview a\n}\n. {\n}\n. {\n}", "Corefile:6: zone . port 53 is already served by the block at Corefile:4", "two without a view"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			if _, err := tryLoad(tt.text); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

package assemble_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// pair is two server blocks, each with its directives.
func pair(first, second string) string {
	return "a.example:5300 {\n" + first + "\n}\nb.example:5300 {\n" + second + "\n}\n"
}

func TestShared(t *testing.T) {
	const of53 = "both are for the sockets of :5300"
	idle := func(d string) string { return "timeouts {\nidle " + d + "\n}" }
	tests := []struct{ name, text, want, reason string }{
		{"one speaks", pair(idle("5s")+"\nmultisocket 2\ncookies off", ""), "", "for both"},
		{"both alike", pair(idle("5s")+"\ncookies x\nmultisocket", idle("5s")+"\ncookies x\nmultisocket"), "", "they agree"},
		{"timeouts", pair(idle("5s"), idle("6s")), "Corefile:7: timeouts: differs from that at Corefile:2, and " + of53, "a socket has one"},
		{"timeouts of other fields", pair(idle("5s"), "timeouts {\nread 5s\n}"), "Corefile:7: timeouts: differs from that at Corefile:2, and " + of53, "each is the whole of what is said"},
		{"multisocket", pair("multisocket 2", "multisocket 3"), "Corefile:5: multisocket: differs from that at Corefile:2, and " + of53, "a socket has one"},
		{"other addresses", pair("bind 127.0.0.1\n"+idle("5s"), "bind 127.0.0.2\n"+idle("6s")), "", "other sockets"},
		{"one address of several", pair("bind 127.0.0.1\nmultisocket 2", "bind 127.0.0.2 127.0.0.1\nmultisocket 3"),
			"Corefile:7: multisocket: differs from that at Corefile:3, and both are for the sockets of 127.0.0.1:5300", "the shared one"},
		{"other ports", "a.example:5300 {\nmultisocket 2\n}\na.example:5301 {\nmultisocket 3\n}", "", "other sockets"},
		{"cookies", "a.example:5300 {\ncookies off\n}\na.example:5301 {\ncookies x\n}",
			"Corefile:5: cookies: differs from that at Corefile:2, and both are for the process", "whatever they listen on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// fails runs a plan that can't be, and returns why. One that can is ended, and
// returns nil.
func fails(t testing.TB, plan *assemble.Plan) error {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	return plan.Run(ctx, assemble.Process{})
}

// TestCookieSecrets sees that a file of secrets which is not one ends the
// process before anything is opened.
func TestCookieSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte("# none yet\nxyz\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := load(t, ".:0 {\nbind 127.0.0.1\ncookies "+path+"\n}")
	if err != nil {
		t.Fatal(err)
	}
	err = fails(t, plan)
	if want := "Corefile:3: cookies: " + path + ":2: a cookie secret is 32 hexadecimal digits"; err == nil || err.Error() != want {
		t.Errorf("Run: %v, want %s", err, want)
	}
}

// options asks with an OPT record with options, and returns those of the reply.
func options(t testing.TB, network, addr string, o ...dns.EDNS0) map[uint16]string {
	t.Helper()
	m := dnstest.EDNS(dnstest.Question("web.default.svc.cluster.local.", dns.TypeA), 1232)
	m.IsEdns0().Option = o
	got := map[uint16]string{}
	for _, o := range dnstest.Ask(t, network, addr, m).IsEdns0().Option {
		got[o.Option()] = o.String()
	}
	return got
}

func TestCookies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte("00112233445566778899aabbccddeeff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		directive string
		length    int // of the option, in hexadecimal digits
		reason    string
	}{
		{"", 48, "RFC 7873 section 5.2: both cookies, by default"},
		{"cookies", 48, "as by default"},
		{"cookies " + path, 48, "by the file's secret"},
		{"cookies off", 0, "none at all"},
	}
	for _, tt := range tests {
		t.Run(tt.directive, func(t *testing.T) {
			p := start(t, ".:0 {\nbind 127.0.0.1\n"+tt.directive+"\n}")
			got := options(t, "udp", p.addr(), &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"})
			if n := len(got[dns.EDNS0COOKIE]); n != tt.length {
				t.Errorf("%s: cookie %q", tt.reason, got[dns.EDNS0COOKIE])
			}
		})
	}
}

// TestDirectives has a block with all that is of sockets and replies, and one
// beside it, of the same sockets, that has none of it.
func TestDirectives(t *testing.T) {
	p := start(t, `
.:0 {
    bind 127.0.0.1
    timeouts {
        idle 1s
    }
    nsid dns-1
    bufsize 600
    prometheus 127.0.0.1:0
    log . "sent {name} {type} {rsize}"
    any
    chaos
    minimal
}
cluster.local:0 {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    kubernetes {
        manifests `+manifest(t, "web=10.0.0.1")+`
    }
}
`)
	addr := p.addr()
	tests := []struct {
		name       string
		typ, class uint16
		want       string // the answer, or the rcode
		reason     string
	}{
		{"version.bind.", dns.TypeTXT, dns.ClassCHAOS, `version.bind. 0 CH TXT "rollcall-1.2.3"`, "the version that runs"},
		{"version.example.", dns.TypeTXT, dns.ClassCHAOS, "REFUSED", "no such name"},
		{"web.default.svc.cluster.local.", dns.TypeA, dns.ClassCHAOS, "REFUSED", "the other block has no class CH"},
		{"web.default.svc.cluster.local.", dns.TypeA, dns.ClassINET, "web.default.svc.cluster.local. 5 IN A 10.0.0.1", "but class IN"},
		{"example.com.", dns.TypeANY, dns.ClassINET, `example.com. 8482 IN HINFO "ANY obsoleted" "See RFC 8482"`, "RFC 8482 section 4.2"},
		{"web.default.svc.cluster.local.", dns.TypeANY, dns.ClassINET, "web.default.svc.cluster.local. 5 IN A 10.0.0.1", "the other block has no any"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+dns.ClassToString[tt.class]+" "+dns.TypeToString[tt.typ], func(t *testing.T) {
			m := dnstest.Question(tt.name, tt.typ)
			m.Question[0].Qclass = tt.class
			r := dnstest.Ask(t, "udp", addr, m)
			got := dns.RcodeToString[r.Rcode]
			for _, line := range dnstest.Text(r.Answer) {
				if strings.Contains(line, tt.want) {
					got = line
				}
			}
			if got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
	t.Run("log", func(t *testing.T) {
		m := dnstest.EDNS(dnstest.Question("size.example.", dns.TypeANY), 4096)
		m.IsEdns0().Option = []dns.EDNS0{
			&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"},
		}
		out := exchange(t, addr, dnstest.Pack(t, m))
		opt := dnstest.Unpack(t, out).IsEdns0()
		if opt == nil || opt.UDPSize() != 600 || len(opt.Option) != 2 {
			t.Errorf("want bufsize, NSID and cookie in %v", opt)
		}
		if want := "sent size.example. ANY " + strconv.Itoa(len(out)) + "\n"; !strings.Contains(p.log(), want) {
			t.Errorf("the log tells another size than %d", len(out))
		}
	})
	t.Run("metrics", func(t *testing.T) {
		_, text := get(t, p.endpoint("metrics")+"/metrics")
		got := regexp.MustCompile(`coredns_dns_responses_total\{plugin="(any|chaos)".*`).FindAllString(text, -1)
		want := []string{
			`coredns_dns_responses_total{plugin="any",rcode="NOERROR",server="dns://127.0.0.1:0",view="",zone="."} 2`,
			`coredns_dns_responses_total{plugin="chaos",rcode="NOERROR",server="dns://127.0.0.1:0",view="",zone="."} 1`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("replies by the handler that made them (-want +got):\n%s", diff)
		}
	})
	t.Run("timeouts", func(t *testing.T) {
		got := options(t, "tcp", addr, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
		if want := (&dns.EDNS0_TCP_KEEPALIVE{Timeout: 10, Length: 2}).String(); got[dns.EDNS0TCPKEEPALIVE] != want {
			t.Errorf("keepalive %q, want %q (RFC 7828 section 3.1: units of 100 ms)", got[dns.EDNS0TCPKEEPALIVE], want)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const less = 8 * time.Second // than the default
		if err := c.SetReadDeadline(time.Now().Add(less)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("an idle connection ended with: %v, want its end", err)
		}
	})
}

// exchange sends a packet by UDP, and returns the reply.
func exchange(t testing.TB, addr string, packet []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 1<<16)
	n, err := c.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	return out[:n]
}

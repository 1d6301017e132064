package forward_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// parse reads a directive of its text.
func parse(t *testing.T, text string) (forward.Config, error) {
	t.Helper()
	return forward.Parse(dnstest.Directive(t, text))
}

// differences tells in which fields two configurations differ.
func differences(c, d forward.Config) string {
	var text []string
	note := func(field string, a, b any) {
		if fmt.Sprint(a) != fmt.Sprint(b) {
			text = append(text, fmt.Sprintf("%s=%v", field, a))
		}
	}
	note("from", c.From, "[.]")
	note("to", c.To, d.To)
	note("except", c.Except, d.Except)
	note("tcp", c.ForceTCP, d.ForceTCP)
	note("udp", c.PreferUDP, d.PreferUDP)
	note("read", c.ReadTimeout, d.ReadTimeout)
	note("expire", c.Expire, d.Expire)
	note("age", c.MaxAge, d.MaxAge)
	note("idle", c.MaxIdleConns, d.MaxIdleConns)
	note("policy", c.Policy, d.Policy)
	note("fails", c.MaxFails, d.MaxFails)
	note("attempts", c.MaxConnectAttempts, d.MaxConnectAttempts)
	note("concurrent", c.MaxConcurrent, d.MaxConcurrent)
	note("failfast", c.FailFast, d.FailFast)
	note("failover", c.Failover, d.Failover)
	note("next", c.Next, d.Next)
	note("nodata", c.NextOnNoData, d.NextOnNoData)
	note("check", c.Check, d.Check)
	note("tls", []string{c.TLS.Cert, c.TLS.Key, c.TLS.CA}, []string{"", "", ""})
	note("name", c.ServerName, d.ServerName)
	note("doh", c.DoHMethod, d.DoHMethod)
	note("source", c.SourceAddress, d.SourceAddress)
	return strings.Join(text, " ")
}

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"forward . 192.0.2.1", "to=[192.0.2.1:53]", "the default port"},
		{"forward . dns://192.0.2.1 192.0.2.1:5353 [2001:db8::1]:54 2001:db8::2", "to=[192.0.2.1:53 192.0.2.1:5353 [2001:db8::1]:54 [2001:db8::2]:53]", "addresses"},
		{"forward . tls://192.0.2.1 https://192.0.2.2", "to=[tls://192.0.2.1:853 https://192.0.2.2:443]", "protocols have their own ports"},
		{"forward . tls://192.0.2.1%dns.example tls://192.0.2.1%dns.example:8853", "to=[tls://192.0.2.1%dns.example:853 tls://192.0.2.1%dns.example:8853]", "server names"},
		{"forward . tls://2001:db8::1%a tls://[2001:db8::1%a]:1 tls://[2001:db8::2%a] tls://2001:db8::3%a:9", "to=[tls://[2001:db8::1%a]:853 tls://[2001:db8::1%a]:1 tls://[2001:db8::2%a]:853 tls://[2001:db8::3%a]:9]", "server names beside IPv6"},
		{"forward . /etc/resolv.conf", "to=[/etc/resolv.conf]", "a file, not opened yet"},
		{"forward . dns:///etc/resolv.conf", "to=[/etc/resolv.conf]", "a file with a scheme"},
		{"forward . [fe80::1%eth0]:53", "to=[[fe80::1%eth0]:53]", "a zone of IPv6"},
		{"forward . dns.x.svc.Cluster.local dns://dns.y.svc.cluster.local.:5353", "to=[dns.x.svc.cluster.local.:53 dns.y.svc.cluster.local.:5353]", "Services"},
		{"forward Example.ORG 192.0.2.1", "from=[example.org.] to=[192.0.2.1:53]", "names are lower-case"},
		{"forward 10.0.0.0/23 192.0.2.1", "from=[0.0.10.in-addr.arpa. 1.0.10.in-addr.arpa.] to=[192.0.2.1:53]", "a network is all its zones"},
		{"forward . 192.0.2.1 {\nexcept a.example b.example\nexcept c.example\n}", "to=[192.0.2.1:53] except=[a.example. b.example. c.example.]", "more than one except"},
		{"forward . 192.0.2.1 {\nforce_tcp\nprefer_udp\nfailfast_all_unhealthy_upstreams\nnext_on_nodata\n}", "to=[192.0.2.1:53] tcp=true udp=true failfast=true nodata=true", "flags"},
		{"forward . 192.0.2.1 {\nmax_age 2m\nexpire 1m\nread_timeout 3s\nmax_idle_conns 7\nmax_fails 0\nmax_connect_attempts 0\nmax_concurrent 1000\n}", "to=[192.0.2.1:53] read=3s expire=1m0s age=2m0s idle=7 fails=0 attempts=0 concurrent=1000", "numbers and durations"},
		{"forward . 192.0.2.1 {\npolicy round_robin\n}", "to=[192.0.2.1:53] policy=1", "a policy"},
		{"forward . 192.0.2.1 {\npolicy sequential\n}", "to=[192.0.2.1:53] policy=2", "a policy"},
		{"forward . 192.0.2.1 {\nhealth_check 5s\n}", "to=[192.0.2.1:53] check={5s . true}", "an interval"},
		{"forward . 192.0.2.1 {\nhealth_check 0 no_rec domain Example.org\n}", "to=[192.0.2.1:53] check={500ms example.org. false}", "0 is the default"},
		{"forward . 192.0.2.1 {\nnext NXDOMAIN servfail\nfailover REFUSED\n}", "to=[192.0.2.1:53] failover=[REFUSED] next=[NXDOMAIN SERVFAIL]", "rcodes"},
		{"forward . tls://192.0.2.1 {\ntls\ntls_servername dns.example\n}", "to=[tls://192.0.2.1:853] name=dns.example", "no files"},
		{"forward . tls://192.0.2.1 {\ntls ca.pem\n}", "to=[tls://192.0.2.1:853] tls=[  ca.pem]", "one file"},
		{"forward . tls://192.0.2.1 {\ntls c.pem k.pem\n}", "to=[tls://192.0.2.1:853] tls=[c.pem k.pem ]", "two files"},
		{"forward . tls://192.0.2.1 {\ntls c.pem k.pem ca.pem\n}", "to=[tls://192.0.2.1:853] tls=[c.pem k.pem ca.pem]", "three files"},
		{"forward . https://192.0.2.1 {\ndoh_method GET\nsource_address 192.0.2.9\n}", "to=[https://192.0.2.1:443] doh=GET source=192.0.2.9", "the rest"},

		{"forward .", `Corefile:2: forward: wants FROM TO..., 15 TOs at most, got "."`, "no TO"},
		{"forward . " + strings.Repeat("192.0.2.1 ", 16), `Corefile:2: forward: wants FROM TO..., 15 TOs at most, got "."` + strings.Repeat(` "192.0.2.1"`, 16), "too many"},
		{"forward . 192.0.2.1:0", `Corefile:2: forward: "192.0.2.1:0" is neither an address nor a file, nor the name of a Service`, "no port"},
		{"forward . dns.x.svc.cluster.local:dns", `Corefile:2: forward: "dns.x.svc.cluster.local:dns" is neither an address nor a file, nor the name of a Service`, "a port is a number"},
		{"forward . a..b", `Corefile:2: forward: "a..b" is neither an address nor a file, nor the name of a Service`, "no name"},
		{"forward . tls:///etc/resolv.conf", `Corefile:2: forward: "tls:///etc/resolv.conf" has no address; files and names are for UDP and TCP alone`, "files list servers without TLS"},
		{"forward . https://dns.example", `Corefile:2: forward: "https://dns.example" has no address; files and names are for UDP and TCP alone`, "so do names"},
		{"forward . https://192.0.2.1/q", `Corefile:2: forward: "https://192.0.2.1/q" has a path; it is always /dns-query`, "a path"},
		{"forward . quic://192.0.2.1", `Corefile:2: forward: quic:// in "quic://192.0.2.1" is not supported (supported: dns://, tls://, https://)`, "a protocol"},
		{"forward . tls://192.0.2.1%a {\ntls_servername b\n}", `Corefile:2: forward: "tls://192.0.2.1%a" has a server name, and so has tls_servername: only one of the two is allowed`, "two names"},
		{"forward . 192.0.2.1 {\nresolver 192.0.2.2\n}", "Corefile:3: resolver: is not supported, as upstreams are given by their addresses alone", "refused by name"},
		{"forward . 192.0.2.1 {\nfailover NOERROR\n}", "Corefile:3: failover: NOERROR is not allowed", "it would never end"},
		{"forward . 192.0.2.1 {\nnext NOPE\n}", `Corefile:3: next: "NOPE" is not an rcode, such as SERVFAIL, NXDOMAIN or REFUSED`, "a slip"},
		{"forward . 192.0.2.1 {\nexcept\n}", "Corefile:3: except: wants one or more names, got none", "no names"},
		{"forward . 192.0.2.1 {\nmax_age 5s\n}", "Corefile:2: forward: max_age, 5s, is less than expire, 10s", "as in CoreDNS"},
		{"forward . 192.0.2.1 {\nread_timeout 0s\n}", `Corefile:3: read_timeout: wants a duration above 0, got "0s"`, "no time"},
		{"forward . 192.0.2.1 {\npolicy first\n}", `Corefile:3: policy: wants one of random, round_robin, sequential, got "first"`, "a slip"},
		{"forward . 192.0.2.1 {\nhealth_check 1s domain\n}", `Corefile:3: health_check: wants DURATION [no_rec] [domain FQDN], got "domain" there`, "no domain"},
		{"forward . 192.0.2.1 {\nhealth_check 1s domain a..b\n}", `Corefile:3: health_check: "a..b" is not a domain: name "a..b": empty label`, "a bad domain"},
		{"forward . 192.0.2.1 {\ntls a b c d\n}", `Corefile:3: tls: wants [CERT KEY] [CA], got "a" "b" "c" "d"`, "too many"},
		{"forward . 192.0.2.1 {\nsource_address here\n}", `Corefile:3: source_address: wants an address such as 192.0.2.1 or 2001:db8::1, got "here"`, "no address"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 70)], func(t *testing.T) {
			c, err := parse(t, tt.text)
			got := differences(c, forward.Defaults())
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestNewErrors is of what Parse can't see.
func TestNewErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"forward . /nonexistent/resolv.conf", "Corefile:2: forward: file of upstreams: open /nonexistent/resolv.conf: no such file or directory", "no file"},
		{"forward . /dev/null", "Corefile:2: forward: file of upstreams /dev/null: not a regular file of at most 65536 bytes", "no regular file"},
		{"forward . tls://192.0.2.1 {\ntls /nonexistent/ca.pem\n}", "Corefile:3: forward: tls: certificate authority: open /nonexistent/ca.pem: no such file or directory", "no authority"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = forward.New(c, forward.Deps{})
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
			}
		})
	}
}

package hosts_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
	"github.com/rollcall-dns/rollcall/zone"
)

// parse parses a directive of a block for example.org.
func parse(t *testing.T, text string) (hosts.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader("example.org {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	return hosts.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
}

func TestParse(t *testing.T) {
	name := func(texts ...string) (out []zone.Name) {
		for _, text := range texts {
			out = append(out, dnstest.Name(t, text))
		}
		return out
	}
	config := func(change func(*hosts.Config)) hosts.Config {
		c := hosts.Default()
		c.Zones = []string{"example.org."}
		if change != nil {
			change(&c)
		}
		return c
	}
	line := func(addr string, names ...string) hosts.Line {
		return hosts.Line{Addr: netip.MustParseAddr(addr), Names: name(names...)}
	}
	tests := []struct {
		text   string
		want   hosts.Config
		reason string
	}{
		{"hosts", config(nil), "/etc/hosts, the block's zones, 3600 s, a look every 5 s"},
		{"hosts /f", config(func(c *hosts.Config) { c.File = "/f" }), "a file"},
		{"hosts /f A.test b.test.", config(func(c *hosts.Config) { c.File, c.Zones = "/f", []string{"a.test.", "b.test."} }), "a file and its zones"},
		{"hosts /f 10.0.0.0/24", config(func(c *hosts.Config) { c.File, c.Zones = "/f", []string{"0.0.10.in-addr.arpa."} }), "a network is its reverse zones"},
		{"hosts {\nttl 60\nreload 15s\nfallthrough\n}", config(func(c *hosts.Config) {
			c.TTL, c.Reload, c.Fallthrough = 60, 15*time.Second, []string{"."}
		}), "what k3s writes"},
		{"hosts {\n192.168.49.1 host.Minikube.internal # me\nfallthrough\n}", config(func(c *hosts.Config) {
			c.Inline, c.Fallthrough = []hosts.Line{line("192.168.49.1", "host.minikube.internal")}, []string{"."}
		}), "what minikube writes"},
		{"hosts {\n10.0.0.1 a b\nfd00::1 a\nfe80::1%eth0 c\n::ffff:10.0.0.2 d\n}", config(func(c *hosts.Config) {
			c.Inline = []hosts.Line{line("10.0.0.1", "a", "b"), line("fd00::1", "a"), line("fe80::1", "c"), line("10.0.0.2", "d")}
		}), "lines of both families; zones of addresses are not in records"},
		{"hosts {\nno_reverse\nreload 0s\nfallthrough example.org 10.0.0.0/8\nfallthrough_unsupported\n}", config(func(c *hosts.Config) {
			c.NoReverse, c.Reload, c.Fallthrough = true, 0, []string{"example.org.", "10.in-addr.arpa."}
			c.FallthroughUnsupported = true
		}), "every option"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	long := strings.Repeat("x", 64)
	tests := []struct{ text, want, reason string }{
		{"hosts {\nttl 0\n}", `Corefile:3: ttl: wants an integer, 1 to 65535, got "0"`, "CoreDNS has no 0 either"},
		{"hosts {\nttl 65536\n}", `Corefile:3: ttl: wants an integer, 1 to 65535, got "65536"`, "the bound"},
		{"hosts {\nreload -1s\n}", `Corefile:3: reload: wants a duration such as 5s, 1m30s or 0s, got "-1s"`, "no time goes back"},
		{"hosts {\nno_reverse x\n}", `Corefile:3: no_reverse: takes no arguments, got "x"`, "no arguments"},
		{"hosts {\n10.0.0.1\n}", `Corefile:3: 10.0.0.1: an address without a name`, "a name is needed"},
		{"hosts {\n10.0.0.1 " + long + "\n}", `Corefile:3: name "` + long + `": label longer than 63 octets`, "names are names"},
		{"hosts {\n10.0.0.256 a\n}", `Corefile:3: unknown option "10.0.0.256" of hosts (known: fallthrough, fallthrough_unsupported, no_reverse, reload, ttl)`, "no address, no option"},
		{"hosts {\nfallthrough_unsupported\n}", `Corefile:2: hosts: fallthrough_unsupported needs fallthrough`, "it widens fallthrough"},
		{"hosts f a..b", `Corefile:2: hosts: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "zones are names"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			text := ""
			if _, err := parse(t, tt.text); err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

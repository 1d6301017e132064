package assemble_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestBlocks has several server blocks on one port, two of them with zones from
// manifests.
func TestBlocks(t *testing.T) {
	one, two := manifest(t, "web=10.0.0.1"), manifest(t, "web=10.0.0.2", "only=10.0.0.3")
	p := start(t, `
.:0 {
    bind 127.0.0.1
    log . "root {name}"
    errors
}
cluster.local:0 {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    kubernetes {
        manifests `+one+`
    }
}
b.cluster.local:0 other.example:0 {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    loadbalance
    kubernetes {
        manifests `+two+`
    }
}
`)
	addr := p.addr()
	tests := []struct{ name, want, reason string }{
		{"web.default.svc.cluster.local.", "10.0.0.1", "the second block"},
		{"web.default.svc.b.cluster.local.", "10.0.0.2", "the longest zone has it, though cluster.local has it too"},
		{"web.default.svc.other.example.", "10.0.0.2", "the other zone of the third block"},
		{"only.default.svc.cluster.local.", "NXDOMAIN", "the third block's objects are not the second's"},
		{"only.default.svc.b.cluster.local.", "10.0.0.3", "the third block's"},
		{"nothing.b.cluster.local.", "NXDOMAIN", "a name in the longest zone is nobody else's"},
		{"example.com.", "REFUSED", "the root's block has no answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := lookup(t, addr, tt.name); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
	t.Run("log", func(t *testing.T) {
		if got := regexp.MustCompile(`root \S+`).FindAllString(p.log(), -1); len(got) != 1 || got[0] != "root example.com." {
			t.Errorf("logged by the root's block: %q", got)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		_, text := get(t, p.endpoint("metrics")+"/metrics")
		want := []string{
			`coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:0",type="A",view="",zone="b.cluster.local."} 3`,
			`coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:0",type="A",view="",zone="cluster.local."} 2`,
			`coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:0",type="A",view="",zone="other.example."} 1`,
		}
		got := regexp.MustCompile(`coredns_dns_requests_total\{.*`).FindAllString(text, -1)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the root's block does not count, the others by their zones (-want +got):\n%s", diff)
		}
		for _, metric := range []string{
			`coredns_plugin_enabled{name="loadbalance",server="dns://127.0.0.1:0",view="",zone="other.example."} 1`,
			`coredns_build_info{goversion=`, `,revision="abc",version="1.2.3"} 1`,
			"process_resident_memory_bytes ", "go_goroutines ", "coredns_panics_total 0",
		} {
			if !strings.Contains(text, metric) {
				t.Errorf("no %s in /metrics", metric)
			}
		}
	})
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestTwoAddresses sees that blocks on different addresses are apart.
func TestTwoAddresses(t *testing.T) {
	p := start(t, `
cluster.local:0 {
    bind 127.0.0.1
    kubernetes {
        manifests `+manifest(t, "web=10.0.0.1")+`
    }
}
cluster.local:0 {
    bind 127.0.0.2
    kubernetes {
        manifests `+manifest(t, "web=10.0.0.2")+`
    }
}
`)
	for range 2 {
		addr := p.addr()
		want := "10.0.0." + addr[len("127.0.0."):][:1]
		if got := lookup(t, addr, "web.default.svc.cluster.local."); got != want {
			t.Errorf("%s answers %s, want %s", addr, got, want)
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestNameServer sees that the zone's name server is the address listened on.
func TestNameServer(t *testing.T) {
	p := start(t, ".:0 {\nbind 127.0.0.3\nkubernetes cluster.local {\nmanifests "+manifest(t, "web=10.0.0.1")+"\n}\n}")
	if got := lookup(t, p.addr(), "ns.dns.cluster.local."); got != "127.0.0.3" {
		t.Errorf("ns.dns.cluster.local. is %s", got)
	}
}

// TestManifestsAreFollowed sees that a change shows, in a process that has many
// sources.
func TestManifestsAreFollowed(t *testing.T) {
	dir := manifest(t, "web=10.0.0.1")
	p := start(t, ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests "+dir+"\n}\n}")
	addr := p.addr()
	if got := lookup(t, addr, "web.default.svc.cluster.local."); got != "10.0.0.1" {
		t.Fatal(got)
	}
	move(t, manifest(t, "web=10.0.0.9"), dir)
	dnstest.Eventually(t, "the change is answered", func() bool {
		return lookup(t, addr, "web.default.svc.cluster.local.") == "10.0.0.9"
	})
}

package assemble_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// known is where errors send for the names of directives.
const known = "(rollcall serve -plugins lists those that there are)"

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		reason     string
	}{
		{
			"unknown plugin", strings.Repeat("\n", 10) + ".:53 {\nfoo\n}",
			[]string{`Corefile:12: unknown plugin "foo" ` + known}, "where it is, what it is, what is allowed",
		},
		{
			"CoreDNS's plugin", ". {\nroute53 a:b\n}",
			[]string{"Corefile:2: route53 is a CoreDNS plugin that Rollcall does not have " + known}, "it is no slip of the pen",
		},
		{
			"slips", ". {\nlop\nforwrad\nkuberntes\nproxy\nx\n}",
			[]string{
				`Corefile:2: unknown plugin "lop": is log meant? ` + known,
				`Corefile:3: unknown plugin "forwrad": is forward meant? ` + known,
				`Corefile:4: unknown plugin "kuberntes": is kubernetes meant? ` + known,
				`Corefile:5: unknown plugin "proxy" ` + known,
				`Corefile:6: unknown plugin "x" ` + known,
			}, "a name that is near, if there is one",
		},
		{
			"two of a kind", ". {\nerrors\nerrors\n}",
			[]string{"Corefile:3: errors: a server block can have only one"}, "which of them would count?",
		},
		{
			"two kubernetes", ". {\nkubernetes cluster.local\nkubernetes example.org\n}",
			[]string{"Corefile:3: kubernetes: a server block can have only one"}, "the zones of one would hide the other's",
		},
		{
			"several errors", ". {\nfoo\nhealth localhost\nbar a b\nready {\nmonitor never\n}\n}\nexample.org {\nbaz\n}",
			[]string{
				`Corefile:2: unknown plugin "foo" ` + known,
				`Corefile:3: health: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "localhost"`,
				`Corefile:4: unknown plugin "bar" ` + known,
				`Corefile:6: monitor: wants one of until-ready, continuously, got "never"`,
				`Corefile:10: unknown plugin "baz" ` + known,
			}, "all that is wrong is told at once",
		},
		{
			"no block", "# nothing\n",
			[]string{"Corefile: no server block; the least is: .:53 { kubernetes cluster.local }"}, "a server of nothing",
		},
		{
			"one address for two", ". {\nhealth :8080\nready :8080\n}",
			[]string{"Corefile:3: health and ready can't both have the address :8080"}, "the second could not listen",
		},
		{
			"one address for two, apart", ". {\nready :9153\n}\nexample.org {\nprometheus :9153\n}",
			[]string{"Corefile:5: ready and prometheus can't both have the address :9153"}, "addresses are the process'",
		},
		{
			"DNS and an endpoint", ".:5353 {\nhealth 127.0.0.1:5353\nready :5353\n}",
			[]string{
				"Corefile:2: DNS at :5353 and health at 127.0.0.1:5353 can't both be listened on: one is part of the other",
				"Corefile:3: DNS and ready can't both have the address :5353",
			}, "DNS is TCP too",
		},
		{
			"all addresses and those of a family", ".:5353 {\nbind 127.0.0.1 0.0.0.0\n}\na.example:5353 {\nbind ::1\n}\nb.example:5353 {\nwhoami\n}",
			[]string{"Corefile:7: DNS at 0.0.0.0:5353 and DNS at :5353 can't both be listened on: one is part of the other"},
			"neither is one address",
		},
		{
			"no zone for kubernetes", "10.in-addr.arpa {\nkubernetes\n}",
			[]string{"Corefile:2: kubernetes: at least one zone that is not a reverse zone is needed, such as cluster.local"}, "Services have names",
		},
		{
			"names of servers", ". {\nforward example.org 192.0.2.1 dns.example\nforward . 192.0.2.300\nkubernetes cluster.local\n}",
			[]string{
				`Corefile:2: forward: "dns.example" is neither an address nor a file, nor in a zone of kubernetes (names of other servers are not supported)`,
				`Corefile:3: forward: "192.0.2.300" is neither an address nor a file, nor in a zone of kubernetes (names of other servers are not supported)`,
			}, "who would look them up?",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan, err := load(t, tt.text)
			if err == nil || plan != nil {
				t.Fatalf("plan %v, error %v", plan, err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestLoadErrorTypes sees what a caller can find in an error.
func TestLoadErrorTypes(t *testing.T) {
	_, err := load(t, "")
	if !errors.Is(err, assemble.ErrNoBlock) {
		t.Errorf("without a block: %v", err)
	}
	_, err = load(t, ". {\nfoo\n}")
	var at *corefile.Error
	if !errors.As(err, &at) || at.Pos != (corefile.Pos{File: "Corefile", Line: 2}) {
		t.Errorf("the position of %v is %+v", err, at)
	}
}

func TestLoad(t *testing.T) {
	tests := []struct{ name, text, reason string }{
		{"kubeadm", `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    loadbalance
}`, "what a cluster has, but for plugins that are not there"},
		{"several logs and binds", ". {\nlog a\nlog b\nbind 127.0.0.1\nbind ::1\n}", "these add up"},
		{"endpoints of two blocks", ". {\nhealth\nready\nprometheus :9153\n}\nexample.org {\nhealth\nready\nprometheus :9153\n}", "they share the endpoints"},
		{"free ports", ". {\nhealth 127.0.0.1:0\nready 127.0.0.1:0\nprometheus 127.0.0.1:0\n}", "each gets a port of its own"},
		{"a Service of another block", ". {\nforward . dns.x.svc.cluster.local\n}\ncluster.local {\nkubernetes\n}", "its name is looked up in the zones of all"},
		{"all addresses and one", ".:5353 {\nbind 127.0.0.1 0.0.0.0\n}\na.example:5353 {\nbind ::1\n}", "the kernel knows which is meant"},
		{"empty block", ".:53 {\n}", "it refuses all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := load(t, tt.text); err != nil {
				t.Errorf("%s: %v", tt.reason, err)
			}
		})
	}
}

package kubedns_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/kubedns"
)

const name = "kube-system/kube-dns"

func TestParse(t *testing.T) {
	tests := []struct {
		name   string
		data   map[string]string
		want   kubedns.Config
		reason string
	}{
		{"none", nil, kubedns.Config{}, "there is no ConfigMap"},
		{
			"kube-dns's own", map[string]string{"stubDomains": "{\"acme.local\": [\"1.2.3.4\"]}\n", "upstreamNameservers": "[\"8.8.8.8\", \"8.8.4.4\"]\n"},
			kubedns.Config{Stubs: []kubedns.Stub{{Zone: "acme.local.", Servers: []string{"1.2.3.4"}}}, Upstreams: []string{"8.8.8.8", "8.8.4.4"}},
			"as Kubernetes' documentation has it",
		},
		{
			"ports and families", map[string]string{"stubDomains": `{"a.test": ["1.2.3.4:5353", "2001:db8::1", "[2001:db8::1]:53"]}`, "upstreamNameservers": `["[::1]:54"]`},
			kubedns.Config{Stubs: []kubedns.Stub{{Zone: "a.test.", Servers: []string{"1.2.3.4:5353", "2001:db8::1", "[2001:db8::1]:53"}}}, Upstreams: []string{"[::1]:54"}},
			"servers are addresses with or without port",
		},
		{
			"names", map[string]string{"stubDomains": `{"a.test": ["dns.x.svc.cluster.local", "DNS.x.svc.cluster.local.:54"]}`},
			kubedns.Config{Stubs: []kubedns.Stub{{Zone: "a.test.", Servers: []string{"dns.x.svc.cluster.local", "DNS.x.svc.cluster.local.:54"}}}},
			"or names of Services",
		},
		{
			"order", map[string]string{"stubDomains": `{"b.test": ["1.1.1.1"], "C.test.": ["1.1.1.1"], "a.test": ["1.1.1.1"], "b.b.test": ["1.1.1.1"]}`},
			kubedns.Config{Stubs: []kubedns.Stub{
				{"a.test.", []string{"1.1.1.1"}}, {"b.b.test.", []string{"1.1.1.1"}}, {"b.test.", []string{"1.1.1.1"}}, {"c.test.", []string{"1.1.1.1"}},
			}}, "sorted and in one spelling, as JSON has no order",
		},
		{"empty", map[string]string{"stubDomains": "", "upstreamNameservers": " \n"}, kubedns.Config{}, "emptied"},
		{"empty values", map[string]string{"stubDomains": "{}", "upstreamNameservers": "[]"}, kubedns.Config{Upstreams: []string{}}, "the same"},
		{"null", map[string]string{"stubDomains": "null", "upstreamNameservers": "null"}, kubedns.Config{}, "the same"},
		{
			"other keys", map[string]string{"upstreamnameservers": "nonsense", "federations": `{"foo": "foo.example"}`},
			kubedns.Config{Unknown: []string{"federations", "upstreamnameservers"}}, "they mean nothing, and are told of",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := kubedns.Parse(name, tt.data)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Name = name
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	const (
		stubs    = "configmap kube-system/kube-dns: stubDomains: "
		ups      = "configmap kube-system/kube-dns: upstreamNameservers: "
		anObject = `wants a JSON object such as {"acme.local": ["1.2.3.4", "1.2.3.5:5353"]}: `
		aList    = `wants a JSON list such as ["8.8.8.8", "8.8.4.4:53"]: `
		aServer  = " is neither an address, such as 1.2.3.4, 1.2.3.4:5353 or [2001:db8::1]:53, nor the name of a Service"
	)
	tests := []struct {
		name, stubs, ups string
		want             []string
		reason           string
	}{
		{"no JSON", "acme.local: 1.2.3.4", "", []string{stubs + anObject + "line 1: invalid character 'a' looking for beginning of value"}, "YAML is no JSON"},
		{"cut", "{\n\"a.test\": [\"1.2.3.4\"\n", "", []string{stubs + anObject + "line 3: unexpected end of JSON input"}, "a brace was lost"},
		{"more", "{\n\"a.test\": [\"1.2.3.4\"]\n}\n}", "", []string{stubs + anObject + "line 4: invalid character '}' after top-level value"}, "or is one too many"},
		{"a list", `["1.2.3.4"]`, "", []string{stubs + anObject + "line 1: there is an array"}, "an object is wanted"},
		{"no list", "{\n\"a.test\": \"1.2.3.4\"\n}", "", []string{stubs + anObject + "line 2: there is a string"}, "a list is wanted, even of one"},
		{"numbers", `{"a.test": [1]}`, "", []string{stubs + anObject + "line 1: there is a number"}, "of texts"},
		{"no domain", `{"": ["1.2.3.4"], ".": ["1.2.3.4"], "*.a.test": ["1.2.3.4"], "10.0.0.0/8": ["1.2.3.4"], "a..b": ["1.2.3.4"]}`, "", []string{
			stubs + `"" is not a domain such as acme.local`, stubs + `"*.a.test" is not a domain such as acme.local`, stubs + `"." is not a domain such as acme.local`,
			stubs + `"10.0.0.0/8" is not a domain such as acme.local`, stubs + `"a..b" is not a domain such as acme.local`,
		}, "as kube-dns had it"},
		{"twice", `{"A.test": ["1.2.3.4"], "a.test.": ["1.2.3.5"]}`, "", []string{stubs + "a.test.: is given twice"}, "which of them would count?"},
		{"no server", `{"a.test": []}`, "", []string{stubs + "a.test: has no server; want one at least"}, "nowhere to go"},
		{"no servers", `{"a.test": ["", "$", "tls://1.2.3.4", "/etc/resolv.conf", "1.2.3.4:0", "dns.x:dns", "::1:"]}`, "", []string{
			stubs + `a.test: ""` + aServer, stubs + `a.test: "$"` + aServer, stubs + `a.test: "tls://1.2.3.4"` + aServer, stubs + `a.test: "/etc/resolv.conf"` + aServer,
			stubs + `a.test: "1.2.3.4:0"` + aServer, stubs + `a.test: "dns.x:dns"` + aServer, stubs + `a.test: "::1:"` + aServer,
		}, "forward takes more than kube-dns did"},
		{"too many", "", `["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]`, []string{ups + "has 4 servers; want 3 at most"}, "as kube-dns had it"},
		{"no addresses", "", `["ns.a.test", "1.1.1.1:0"]`, []string{
			ups + `"ns.a.test" is not an address such as 8.8.8.8, 8.8.8.8:53 or [2001:db8::1]:53`, ups + `"1.1.1.1:0" is not an address such as 8.8.8.8, 8.8.8.8:53 or [2001:db8::1]:53`,
		}, "names are for stub domains"},
		{"no list of upstreams", "", `"1.1.1.1"`, []string{ups + aList + "line 1: there is a string"}, "a list is wanted, even of one"},
		{"both", "{", "[", []string{stubs + anObject + "line 1: unexpected end of JSON input", ups + aList + "line 1: unexpected end of JSON input"}, "all that is wrong is told at once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kubedns.Parse(name, map[string]string{"stubDomains": tt.stubs, "upstreamNameservers": tt.ups})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

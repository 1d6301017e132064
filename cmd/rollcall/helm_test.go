package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestHelm serves a stream as "helm template" prints it: comments, documents
// without content, definitions and resources of other groups, hooks, and what
// the controllers make of the rest.
func TestHelm(t *testing.T) {
	stream, err := os.ReadFile("testdata/helm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, string(stream), "serve", "-manifests", "-", "-listen", "127.0.0.1:0")
	const service, headless = "release-queue.work.svc.cluster.local.", "release-queue-headless.work.svc.cluster.local."
	for _, tt := range []struct {
		name   string
		typ    uint16
		want   []string // of each record, what follows its type; "*" for an address
		reason string
	}{
		{service, dns.TypeA, []string{"*"}, "an address is given"},
		{headless, dns.TypeA, []string{"*", "*"}, "the set's pods, and no hook's"},
		{"release-queue-1." + headless, dns.TypeA, []string{"*"}, "a pod's name"},
		{"release-queue-2." + headless, dns.TypeA, nil, "a pod that is not"},
		{"_tcp._tcp." + headless, dns.TypeSRV, []string{"0 100 15672 release-queue-0." + headless, "0 100 15672 release-queue-1." + headless}, "the port that the container calls tcp"},
		{"_tcp._tcp." + service, dns.TypeSRV, []string{"0 100 5672 " + service}, "the Service's own port"},
	} {
		var got []string
		for _, line := range dnstest.Text(dnstest.Ask(t, "udp", s.addr(), dnstest.Question(tt.name, tt.typ)).Answer) {
			_, data, _ := strings.Cut(line, " "+dns.TypeToString[tt.typ]+" ")
			if tt.typ == dns.TypeA {
				data = "*"
			}
			got = append(got, data)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s\nreason: %s", tt.name, dns.TypeToString[tt.typ], diff, tt.reason)
		}
	}
	if log := s.log.String(); strings.Contains(log, "WARN") || !strings.Contains(log, "Helm hook") {
		t.Errorf("want no warning, and a word on the hooks; the log is\n%s", log)
	}
}

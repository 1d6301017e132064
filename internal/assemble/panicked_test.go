package assemble

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/miekg/dns"
	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
)

// failsOnPurpose is a handler that panics, and whose name is on the stack.
func failsOnPurpose(*resolver.Query, *resolver.Reply) resolver.Outcome { panic("on purpose") }

// TestPanicked sees what is logged and counted of a panic. No handler of a
// Corefile panics, so that the test is inside.
func TestPanicked(t *testing.T) {
	tests := []struct {
		text  string
		stack bool
	}{
		{". {\nerrors\n}", false},
		{". {\n}\nexample.org {\nerrors {\nstacktrace\n}\n}", true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := corefile.Parse("Corefile", strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := Load(f)
			if err != nil {
				t.Fatal(err)
			}
			registry := promclient.NewRegistry()
			metrics, err := prometheus.NewMetrics(registry)
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			r := &run{Process: Process{Logger: slog.New(slog.NewTextHandler(&log, nil))}, metrics: metrics}
			r.current.Store(&generation{run: r, plan: plan})
			responder := resolver.Responder{Handler: resolver.HandlerFunc(failsOnPurpose), Panicked: func(q *resolver.Query, reason any) { r.panicked("dns://:53", q, reason) }}
			responder.Respond(dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("name.example.", dns.TypeA)), nil)
			if want := `level=ERROR msg="panic while answering" name=name.example. type=1 reason="on purpose"`; !strings.Contains(log.String(), want) {
				t.Errorf("no %s in the log:\n%s", want, log.String())
			}
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			counted := 0.0
			for _, f := range families {
				if f.GetName() == "coredns_panics_total" {
					counted = f.GetMetric()[0].GetCounter().GetValue()
				}
			}
			if counted != 1 {
				t.Errorf("%v panics were counted", counted)
			}
			if got := strings.Contains(log.String(), "failsOnPurpose"); got != tt.stack {
				t.Errorf("the stack is logged: %t, want %t:\n%s", got, tt.stack, log.String())
			}
		})
	}
}

package prometheus_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"prometheus", "{localhost:9153 false}", "the default"},
		{"prometheus :9153", "{:9153 false}", "all addresses, as kubeadm has it"},
		{"prometheus 127.0.0.1:0 {\nruntime_metrics\n}", "{127.0.0.1:0 true}", "both given"},
		{"prometheus 9153", `Corefile:2: prometheus: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "9153"`, "no colon"},
		{"prometheus {\nruntime_metrics all\n}", `Corefile:3: runtime_metrics: takes no arguments, got "all"`, "no argument"},
		{"prometheus {\ntls web.yml\n}", `Corefile:3: tls: is not supported: metrics are served over plain HTTP`, "known and refused"},
		{"prometheus {\npath /m\n}", `Corefile:3: unknown option "path" of prometheus (known: runtime_metrics, tls)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := prometheus.Parse(dnstest.Directive(t, tt.text))
			got := fmt.Sprint(c)
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(".:53 {\n    prometheus :9153\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(prometheus.Parse(f.Blocks[0].Directives[0]))
	// Output: {:9153 false} <nil>
}

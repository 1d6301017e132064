package loadbalance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/loadbalance"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"loadbalance", "", "the default policy"},
		{"loadbalance round_robin", "", "the default policy, said"},
		{"loadbalance weighted weights {\nreload 10s\n}", "Corefile:2: loadbalance: the policy weighted is not supported (supported: round_robin)", "known and refused"},
		{"loadbalance {\nprefer 10.0.0.0/8\n}", "Corefile:3: prefer: is not supported: addresses are turned, and not sorted", "known and refused"},
		{"loadbalance random", `Corefile:2: loadbalance: wants round_robin, got "random"`, "no such policy"},
		{"loadbalance {\nreload 10s\n}", `Corefile:3: unknown option "reload" of loadbalance (known: none)`, "an option of weighted alone"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			_, err := loadbalance.Parse(dnstest.Directive(t, tt.text))
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

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    loadbalance weighted weights.txt\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = loadbalance.Parse(f.Blocks[0].Directives[0])
	fmt.Println(err)
	// Output: Corefile:2: loadbalance: the policy weighted is not supported (supported: round_robin)
}

package debug_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/debug"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"debug", "", "nothing to choose"},
		{"debug x", `Corefile:2: debug: takes no arguments, got "x"`, "no arguments"},
		{"debug {\nx\n}", `Corefile:3: debug takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if _, err := debug.Parse(dnstest.Directive(t, tt.text)); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

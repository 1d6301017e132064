package explain_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/explain"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"explain", "", "nothing to choose"},
		{"explain x", `Corefile:2: explain: takes no arguments, got "x"`, "no arguments"},
		{"explain {\nx\n}", `Corefile:3: explain takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got := ""
			if _, err := explain.Parse(dnstest.Directive(t, tt.text)); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

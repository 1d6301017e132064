package debug_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
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
			f, err := corefile.Parse("Corefile", strings.NewReader(". {\n"+tt.text+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if _, err := debug.Parse(f.Blocks[0].Directives[0]); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

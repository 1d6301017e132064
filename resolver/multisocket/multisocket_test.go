package multisocket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/multisocket"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   int
		err    string
		reason string
	}{
		{"multisocket", 0, "", "as many as Go uses cores"},
		{"multisocket 1", 1, "", "the fewest"},
		{"multisocket 1024", 1024, "", "the most"},
		{"multisocket 0", 0, `Corefile:2: multisocket: wants an integer, 1 to 1024, got "0"`, "nobody would read"},
		{"multisocket 1025", 0, `Corefile:2: multisocket: wants an integer, 1 to 1024, got "1025"`, "too many"},
		{"multisocket all", 0, `Corefile:2: multisocket: wants an integer, 1 to 1024, got "all"`, "no number"},
		{"multisocket {\nudp 2\n}", 0, `Corefile:3: multisocket takes no options in braces, got "udp"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := multisocket.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" || got.Readers != tt.want {
				t.Errorf("%s: %d readers, want %d (-want +got):\n%s", tt.reason, got.Readers, tt.want, diff)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    multisocket 4\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := multisocket.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Readers, err)
	// Output: 4 <nil>
}

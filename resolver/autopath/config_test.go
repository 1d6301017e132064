package autopath_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/autopath"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

func TestParse(t *testing.T) {
	const wants = "Corefile:2: autopath: wants zones, if any, and a file like /etc/resolv.conf or @kubernetes, got "
	block := []string{"example.org."}
	tests := []struct {
		text   string
		want   autopath.Config
		err    string
		reason string
	}{
		{"autopath @kubernetes", autopath.Config{Zones: block, Kubernetes: true}, "", "the block's zones"},
		{"autopath Cluster.local 10.0.0.0/8 @kubernetes", autopath.Config{Zones: []string{"cluster.local.", "10.in-addr.arpa."}, Kubernetes: true}, "", "zones of its own"},
		{"autopath my-resolv.conf", autopath.Config{Zones: block, File: "my-resolv.conf"}, "", "a file"},
		{"autopath", autopath.Config{}, wants + "none", "one of them is needed"},
		{`autopath ""`, autopath.Config{}, wants + `""`, "an empty one is none"},
		{"autopath @etcd", autopath.Config{}, wants + `"@etcd"`, "of other handlers none knows a search path"},
		{"autopath a..b f", autopath.Config{}, `Corefile:2: autopath: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "zones are names"},
		{"autopath f {\nndots 5\n}", autopath.Config{}, `Corefile:3: autopath takes no options in braces, got "ndots"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			f, err := corefile.Parse("Corefile", strings.NewReader("example.org {\n"+tt.text+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := autopath.Parse(f.Blocks[0].Directives[0], f.Blocks[0].Zones())
			text := ""
			if err != nil {
				text, got = err.Error(), autopath.Config{}
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

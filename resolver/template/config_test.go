package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/template"
)

// parse returns the configs of a server block of the zone ".", or the first error.
func parse(t testing.TB, text string) ([]template.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	var configs []template.Config
	for _, d := range f.Blocks[0].Directives {
		c, err := template.Parse(d, f.Blocks[0].Zones())
		if err != nil {
			return nil, err
		}
		configs = append(configs, c)
	}
	return configs, nil
}

func TestParse(t *testing.T) {
	tests := []struct{ text, err, reason string }{
		{"template ANY ANY", "", "a block without braces answers everything, with nothing"},
		{"template in a example.com 10.0.0.0/8", "", "zones"},
		{"template IN A {\nupstream 192.0.2.1\n}", "", "an option of former times"},
		{"template IN A {\nmatch a\nmatch b c\nrcode NXDOMAIN\nrcode noerror\n}", "", "options may come again"},
		{"template", "Corefile:2: template: wants CLASS TYPE [ZONE...], got none", "nothing"},
		{"template IN", `Corefile:2: template: wants CLASS TYPE [ZONE...], got "IN"`, "no type"},
		{"template XX A", `Corefile:2: template: there is no class "XX"`, "no class"},
		{"template IN XX", `Corefile:2: template: there is no type "XX"`, "no type"},
		{"template IN A a..b", `Corefile:2: template: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "no zone"},
		{"template IN A {\nfoo\n}", `Corefile:3: unknown option "foo" of template (known: additional, answer, authority, ederror, fallthrough, match, rcode, upstream)`, "no option"},
		{"template IN A {\nmatch\n}", "Corefile:3: match: wants one or more regular expressions, got none", "none"},
		{"template IN A {\nrcode NOERROR\nmatch (\n}", "Corefile:4: match: error parsing regexp: missing closing ): `(`", "the line is told"},
		{"template IN A {\nmatch " + strings.Repeat("a", 10001) + "\n}", "Corefile:3: match: a regular expression has at most 10000 octets, this 10001", "too long"},
		{"template IN A {\nanswer\n}", "Corefile:3: answer: wants one or more records in quotes, got none", "none"},
		{"template IN A {\nanswer \"{{ .Name \"\n}", `Corefile:3: answer: template: answer:1: unclosed action`, "no template"},
		{"template IN A {\nauthority \"{{ foo }}\"\n}", `Corefile:3: authority: template: authority:1: function "foo" not defined`, "no function"},
		{"template IN A {\nrcode FOO\n}", `Corefile:3: rcode: there is no rcode "FOO"`, "no rcode"},
		{"template IN A {\nederror x\n}", `Corefile:3: ederror: wants the number of an Extended DNS Error, and a text if need be, got "x"`, "no number"},
		{"template IN A {\nederror 1 2 3\n}", `Corefile:3: ederror: wants the number of an Extended DNS Error, and a text if need be, got "1" "2" "3"`, "too many"},
		{"template IN A {\nfallthrough a..b\n}", `Corefile:3: fallthrough: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "no zone"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 60)], func(t *testing.T) {
			got := ""
			if _, err := parse(t, tt.text); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.err, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

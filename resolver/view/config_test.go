package view_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/view"
)

func TestParse(t *testing.T) {
	long := `"` + strings.Repeat("(", 65537) + `"`
	tests := []struct {
		text   string
		want   []string // the name and the expressions
		err    string
		reason string
	}{
		{"view inside {\nexpr incidr(client_ip(), '10.0.0.0/8')\n}", []string{"inside", "incidr(client_ip(), '10.0.0.0/8')"}, "", "as documented"},
		{"view a {\nexpr   type()  in ['A',\t'AAAA']\nexpr do()\n}", []string{"a", "type() in ['A', 'AAAA']", "do()"}, "", "several; words are joined by single spaces, as in CoreDNS"},
		{"view a {\nexpr \"name() == 'a  b.' # c\"\n}", nil, `Corefile:3: expr: unexpected token Operator("#"), at "# c"`, "# is no comment of the language's"},
		{"view a {\nexpr \"name() == 'a  b.' // c\"\n}", []string{"a", "name() == 'a  b.' // c"}, "", "quotes keep spaces; a comment of the language's"},
		{"view a {\nexpr \"any([1, 2], { # > 1 })\"\n}", []string{"a", "any([1, 2], { # > 1 })"}, "", "quotes keep braces and # from the Corefile"},
		{"view a {\nexpr any([1, 2], # > 1)\n}", nil, `Corefile:3: expr: the expression ends too early`, "without them # begins a comment"},
		{"view all", []string{"all"}, "", "no expression: every query, as in CoreDNS"},
		{"view {\nexpr true\n}", nil, `Corefile:2: view: wants one NAME, got none`, "no name"},
		{"view a b", nil, `Corefile:2: view: wants one NAME, got "a" "b"`, "two names"},
		{"view a {\nexp true\n}", nil, `Corefile:3: unknown option "exp" of view (known: expr)`, "a slip"},
		{"view a {\nexpr\n}", nil, `Corefile:3: expr: wants an expression such as incidr(client_ip(), '10.0.0.0/8'), got none`, "no expression"},
		{"view a {\nexpr \"\"\n}", nil, `Corefile:3: expr: the expression ends too early`, "an empty one"},
		{"view a {\nexpr true {\nx\n}\n}", nil, `Corefile:4: expr takes no options in braces, got "x"`, "braces"},
		{"view a {\nexpr do()\nexpr nam() == 'a.'\n}", nil, `Corefile:4: expr: unknown name nam, at "nam() == 'a.'"`, "a slip"},
		{"view a {\nexpr type() ==\n}", nil, `Corefile:3: expr: the expression ends too early`, "half an expression"},
		{"view a {\nexpr incidr(client_ip(), '10.0.0.0/8'\n}", nil, `Corefile:3: expr: the expression ends too early`, "a parenthesis is open"},
		{"view a {\nexpr name()\n}", nil, `Corefile:3: expr: expected bool, but got string`, "neither true nor false"},
		{"view a {\nexpr do\n}", nil, `Corefile:3: expr: expected bool, but got func() bool`, "not called"},
		{"view a {\nexpr size() == '1'\n}", nil, `Corefile:3: expr: invalid operation: == (mismatched types int and string), at "== '1'"`, "never equal"},
		{"view a {\nexpr port() == 53\n}", nil, `Corefile:3: expr: invalid operation: == (mismatched types string and int), at "== 53"`, "ports are texts, as in CoreDNS"},
		{"view a {\nexpr incidr(client_ip())\n}", nil, `Corefile:3: expr: not enough arguments to call incidr, at "incidr(client_ip())"`, "too few arguments"},
		{"view a {\nexpr incidr(client_ip(), 10)\n}", nil, `Corefile:3: expr: cannot use int as argument (type string) to call incidr, at "10)"`, "an argument of another type"},
		{"view a {\nexpr type('a') == 'string'\n}", nil, `Corefile:3: expr: too many arguments to call type, at "type('a') == 'string'"`, "type is the question's, not the language's"},
		{
			"view a {\nexpr do() || incidr(client_ip(), '10.0.0.0/33')\n}", nil,
			`Corefile:3: expr: incidr: "10.0.0.0/33" is not a network such as 10.0.0.0/8 or fd00::/8, at "'10.0.0.0/33')"`, "a network that is none",
		},
		{
			"view a {\nexpr incidr(server_ip(), '10.0.0.1') && incidr(client_ip(), 'x')\n}", nil,
			`Corefile:3: expr: incidr: "10.0.0.1" is not a network such as 10.0.0.0/8 or fd00::/8, at "'10.0.0.1') && incidr(client_ip(), 'x')"`, "the first that is none",
		},
		{"view a {\nexpr name() matches '('\n}", nil, "Corefile:3: expr: error parsing regexp: missing closing ): `(`, at \"matches '('\"", "a regular expression that is none"},
		{"view a {\nexpr name() matches '(\\n'\n}", nil, "Corefile:3: expr: error parsing regexp: missing closing ): `(\\n`, at \"matches '(\\\\n'\"", "on one line"},
		{
			"view a {\nexpr nam() in ['a.example.org.', 'b.example.org.', 'c.example.org.']\n}", nil,
			`Corefile:3: expr: unknown name nam, at "nam() in ['a.example.org.', 'b.example.o..."`, "a part of a long one",
		},
		{"view a {\nexpr " + long + "\n}", nil, `Corefile:3: expr: has 65537 bytes, at most 65536 are allowed`, "it would be too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 80)], func(t *testing.T) {
			c, err := view.Parse(dnstest.Directive(t, tt.text))
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("%s: error %v, want %s", tt.reason, err, tt.err)
				}
				return
			}
			got := []string{c.Name}
			for _, e := range c.Expressions {
				got = append(got, e.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

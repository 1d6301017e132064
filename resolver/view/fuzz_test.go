package view_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/view"
)

// FuzzExpression has any text for an expression: it is an error with a place, on one
// line, or it is true of a query or is not.
func FuzzExpression(f *testing.F) {
	for _, tt := range functions {
		f.Add(tt.expr)
	}
	for _, text := range []string{
		"", "(", "'", "nil", "1/0 == 1", "type() in ['A', 'AAAA']", "name() matches '^abc\\\\..*$'", "any(['10.0.0.0/8'], incidr(client_ip(), #))",
		"let a = name(); a == 'x' ? do() : true", "if do() { true } else { false }", "$env.do == nil", "reduce([], #acc) == 1", "map(1..1000000, #) == []",
		"'é' == nam()", "name() matches '(\\n\\r'", "name() matches \"(\n\"", "true; 'x'", "now() > date('2020-01-01')", "incidr(client_ip(), '10.0.0.0/33')", "get({'a': 1}, 'a')", "[1][5] == 1 // comment",
	} {
		f.Add(text)
	}
	x := dnstest.Exchange()
	packet := dnstest.Pack(f, dnstest.Question("example.org.", dns.TypeA))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := view.Parse(corefile.Directive{Name: "view", Args: []string{"v"}, Body: []corefile.Directive{
			{Name: "expr", Args: []string{text}, Pos: corefile.Pos{File: "Corefile", Line: 3}},
		}})
		if err != nil {
			var e *corefile.Error
			if !errors.As(err, &e) || e.Pos.Line != 3 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("no error of one line with its place: %q", err)
			}
			return
		}
		x.Query.Parse(packet)
		next := resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.NoData })
		if o := view.New(c, next).Serve(&x.Query, &x.Reply); o != resolver.NoData && o != resolver.Elsewhere {
			t.Fatalf("outcome %d", o)
		}
	})
}

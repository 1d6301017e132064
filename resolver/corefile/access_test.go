package corefile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// directive parses one line as it would stand in a server block.
func directive(t *testing.T, line string) corefile.Directive {
	t.Helper()
	return parse(t, ". {\n"+line+"\n}").Blocks[0].Directives[0]
}

func TestAccessors(t *testing.T) {
	type call func(corefile.Directive) (any, error)
	address := func(d corefile.Directive) (any, error) { return d.Address(":8080") }
	duration := func(d corefile.Directive) (any, error) { return d.Duration() }
	number := func(d corefile.Directive) (any, error) { return d.Int(0, 3600) }
	float := func(d corefile.Directive) (any, error) { return d.Float(0) }
	enum := func(d corefile.Directive) (any, error) { return d.Enum("on", "off") }
	zones := func(d corefile.Directive) (any, error) { return d.Zones() }
	noArgs := func(d corefile.Directive) (any, error) { return nil, d.NoArgs() }
	noBody := func(d corefile.Directive) (any, error) { return nil, d.NoBody() }
	three := func(d corefile.Directive) (any, error) { return nil, d.ArgCount(3, 3, "CERT KEY CACERT") }
	tests := []struct {
		name string
		call call
		line string
		want any // the value, or the error's text
	}{
		{"no args", noArgs, "x", nil},
		{"no args", noArgs, "x a b", `Corefile:2: x: takes no arguments, got "a" "b"`},
		{"no body", noBody, "x {\n}", nil},
		{"no body", noBody, "x {\ny\n}", `Corefile:3: x takes no options in braces, got "y"`},
		{"three", three, "x a b c", nil},
		{"three", three, "x a b", `Corefile:2: x: wants CERT KEY CACERT, got "a" "b"`},
		{"address", address, "x", ":8080"},
		{"address", address, "x [::1]:0", "[::1]:0"},
		{"address", address, "x 8080", `Corefile:2: x: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got "8080"`},
		{"address", address, "x :http", `Corefile:2: x: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got ":http"`},
		{"address", address, "x :1 :2", `Corefile:2: x: wants at most one address such as :8080, 127.0.0.1:8080 or [::1]:8080, got ":1" ":2"`},
		{"duration", duration, "x 1m30s", 90 * time.Second},
		{"duration", duration, "x 0s", time.Duration(0)},
		{"duration", duration, "x 5", `Corefile:2: x: wants a duration such as 5s, 1m30s or 0s, got "5"`},
		{"duration", duration, "x -5s", `Corefile:2: x: wants a duration such as 5s, 1m30s or 0s, got "-5s"`},
		{"duration", duration, "x", `Corefile:2: x: wants a duration such as 5s, 1m30s or 0s, got none`},
		{"int", number, "x 3600", 3600},
		{"int", number, "x 3601", `Corefile:2: x: wants an integer, 0 to 3600, got "3601"`},
		{"int", number, "x five", `Corefile:2: x: wants an integer, 0 to 3600, got "five"`},
		{"float", float, "x 2.5", float32(2.5)},
		{"float", float, "x -1", `Corefile:2: x: wants a number, 0 or more, got "-1"`},
		{"float", float, "x NaN", `Corefile:2: x: wants a number, 0 or more, got "NaN"`},
		{"float", float, "x +Inf", `Corefile:2: x: wants a number, 0 or more, got "+Inf"`},
		{"enum", enum, "x off", "off"},
		{"enum", enum, "x Off", `Corefile:2: x: wants one of on, off, got "Off"`},
		{"zones", zones, "x", []string(nil)},
		{"zones", zones, "x b 10.0.0.0/8 B.", []string{"b.", "10.in-addr.arpa."}},
		{"zones", zones, "x a:53", `Corefile:2: x: "a:53" is not a zone: ':' is not allowed in a name`},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.line, func(t *testing.T) {
			got, err := tt.call(directive(t, tt.line))
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"in order, repeated where allowed", "x {\nmany 1\nonce 2\nmany 3\n}", "many[1] once[2] many[3] "},
		{"none", "x", ""},
		{"unknown", "x {\nonce 1\nonec 2\n}", `Corefile:4: unknown option "onec" of x (known: many, once)`},
		{"repeated", "x {\nonce 1\nmany 2\nonce 3\n}", `Corefile:5: once: is given already at Corefile:3`},
		{"nested", "x {\nonce 1 {\ntwice\n}\n}", `Corefile:4: once takes no options in braces, got "twice"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			record := func(d corefile.Directive) error {
				got += fmt.Sprint(d.Name, d.Args, " ")
				return nil
			}
			err := directive(t, tt.line).Options(corefile.Options{
				"once": {Parse: record},
				"many": {Parse: record, Repeat: true},
			})
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

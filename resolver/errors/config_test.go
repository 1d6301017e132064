package errors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/errors"
)

func TestParse(t *testing.T) {
	const usage = "DURATION REGEXP [debug|info|warning|error] [show_first]"
	tests := []struct{ text, want, reason string }{
		{"errors", "false", "each error is logged"},
		{"errors stdout", "false", "an old argument"},
		{"errors {\nstacktrace\n}", "true", "stacks of panics"},
		{"errors {\nconsolidate 5m \".* timeout$\"\n}", "false; 5m0s .* timeout$ ERROR false", "the default level is error"},
		{
			"errors {\nconsolidate 30s ^a warning\nconsolidate 1h b show_first\nconsolidate 1s c debug show_first\nstacktrace\n}",
			"true; 30s ^a WARN false; 1h0m0s b ERROR true; 1s c DEBUG true", "all forms, in order",
		},
		{"errors file", `Corefile:2: errors: wants stdout, got "file"`, "no log files"},
		{"errors {\nstacktrace on\n}", `Corefile:3: stacktrace: takes no arguments, got "on"`, "no argument"},
		{"errors {\nconsolidate 5m\n}", `Corefile:3: consolidate: wants ` + usage + `, got "5m"`, "no pattern"},
		{"errors {\nconsolidate 5 a\n}", `Corefile:3: consolidate: wants a duration above 0 such as 5m or 30s, got "5"`, "no unit"},
		{"errors {\nconsolidate 0s a\n}", `Corefile:3: consolidate: wants a duration above 0 such as 5m or 30s, got "0s"`, "no period"},
		{"errors {\nconsolidate 5m (\n}", "Corefile:3: consolidate: \"(\" is not a regular expression: error parsing regexp: missing closing ): `(`", "the pattern is bad"},
		{"errors {\nconsolidate 5m a show_first warning\n}", `Corefile:3: consolidate: wants ` + usage + `, got "warning" there`, "the level comes first"},
		{"errors {\nconsolidate 5m a fatal\n}", `Corefile:3: consolidate: wants ` + usage + `, got "fatal" there`, "no such level"},
		{"errors {\nconsolidate 5m " + strings.Repeat("a", 10001) + "\n}", `Corefile:3: consolidate: the regular expression has 10001 bytes, 10000 are allowed`, "too long"},
		{"errors {\nignore a\n}", `Corefile:3: unknown option "ignore" of errors (known: consolidate, stacktrace)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text[:min(len(tt.text), 60)], func(t *testing.T) {
			c, err := errors.Parse(dnstest.Directive(t, tt.text))
			got := fmt.Sprint(c.Stacktrace)
			for _, r := range c.Consolidate {
				got += fmt.Sprint("; ", r.Period, " ", r.Pattern, " ", r.Level, " ", r.ShowFirst)
			}
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
	f, err := corefile.Parse("Corefile", strings.NewReader(`
. {
    errors {
        consolidate 5m "timeout$" warning
    }
}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := errors.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Consolidate[0].Period, c.Consolidate[0].Pattern, c.Consolidate[0].Level, err)
	// Output: 5m0s timeout$ WARN <nil>
}

package view

import (
	"log/slog"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a view directive.
type Config struct {
	// Name is what metrics and the label view/name call the view.
	Name string
	// Expressions must all be true of a query for it to be in the view; it is
	// if there are none.
	Expressions []*Expression

	Logger *slog.Logger // nil logs nothing
}

// Parse reads a view directive:
//
//	view NAME {
//	    expr EXPRESSION
//	    ...
//	}
//
// The words of an EXPRESSION are joined by single spaces. Its errors are
// [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	name, err := d.Arg("one NAME")
	if err != nil {
		return Config{}, err
	}
	c := Config{Name: name}
	err = d.Options(corefile.Options{
		"expr": {Repeat: true, Parse: func(o corefile.Directive) error {
			if err := o.ArgCount(1, -1, "an expression such as incidr(client_ip(), '10.0.0.0/8')"); err != nil {
				return err
			}
			e, err := compile(strings.Join(o.Args, " "))
			if err != nil {
				return o.Errorf("%w", err)
			}
			e.pos = o.Pos
			c.Expressions = append(c.Expressions, e)
			return nil
		}},
	})
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

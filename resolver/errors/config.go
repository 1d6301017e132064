package errors

import (
	"log/slog"
	"regexp"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is an errors directive. The zero value logs each error.
type Config struct {
	// Stacktrace adds the stack to the log of a panic in a handler.
	Stacktrace bool
	// Consolidate are tried in order; the first that matches an error's text
	// applies.
	Consolidate []Consolidate
}

// Consolidate counts errors of one kind, and logs their number once a period.
type Consolidate struct {
	Period  time.Duration
	Pattern *regexp.Regexp
	Level   slog.Level // of the line that says how many there were
	// ShowFirst logs the first error of a period at once and in full.
	ShowFirst bool
}

// maxPattern bounds the length of a regular expression in bytes, and with it
// the memory that compiling it takes.
const maxPattern = 10000

// Parse reads an errors directive; its one possible argument is for
// compatibility:
//
//	errors [stdout] {
//	    stacktrace
//	    consolidate DURATION REGEXP [debug|info|warning|error] [show_first]
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if len(d.Args) > 0 {
		if _, err := d.Enum("stdout"); err != nil {
			return Config{}, err
		}
	}
	err := d.Options(corefile.Options{
		"stacktrace": {Parse: func(o corefile.Directive) error {
			c.Stacktrace = true
			return o.NoArgs()
		}},
		"consolidate": {Repeat: true, Parse: func(o corefile.Directive) error {
			rule, err := parseConsolidate(o)
			c.Consolidate = append(c.Consolidate, rule)
			return err
		}},
	})
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

// parseConsolidate parses one consolidate option.
func parseConsolidate(o corefile.Directive) (Consolidate, error) {
	const usage = "DURATION REGEXP [debug|info|warning|error] [show_first]"
	c := Consolidate{Level: slog.LevelError}
	if err := o.ArgCount(2, 4, usage); err != nil {
		return c, err
	}
	var err error
	if c.Period, err = time.ParseDuration(o.Args[0]); err != nil || c.Period <= 0 {
		return c, o.Errorf("wants a duration above 0 such as 5m or 30s, got %q", o.Args[0])
	}
	if n := len(o.Args[1]); n > maxPattern {
		return c, o.Errorf("the regular expression has %d bytes, %d are allowed", n, maxPattern)
	}
	if c.Pattern, err = regexp.Compile(o.Args[1]); err != nil {
		return c, o.Errorf("%q is not a regular expression: %w", o.Args[1], err)
	}
	rest := o.Args[2:]
	if len(rest) > 0 {
		if level, ok := levels[rest[0]]; ok {
			c.Level, rest = level, rest[1:]
		}
	}
	if len(rest) > 0 && rest[0] == "show_first" {
		c.ShowFirst, rest = true, rest[1:]
	}
	if len(rest) > 0 {
		return c, o.Errorf("wants %s, got %q there", usage, rest[0])
	}
	return c, nil
}

// levels are the names of log levels in a Corefile.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError,
}

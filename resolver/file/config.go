package file

import (
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// DefaultReload is how often it is looked whether a file has changed, as in
// CoreDNS.
const DefaultReload = time.Minute

// Config is a file directive. Its zero value has no file, and New says so.
type Config struct {
	// File is the zone file; a relative one is found from where the process runs.
	File string
	// Zones are read from the file, each of its own: lower-case with trailing dot.
	Zones []string
	// Reload is how often it is looked whether the file has changed; 0 for never.
	Reload time.Duration
	// ByTime takes the file's modification time, and not the SOA record's serial,
	// for what tells that it has.
	ByTime bool
	// Fallthrough are the zones in which names without records go to the next
	// handler: none by default, "." for all.
	Fallthrough []string

	Logger *slog.Logger // nil logs nothing
}

// Parse reads a file directive:
//
//	file DBFILE [ZONES...] {
//	    reload DURATION
//	    reload_by_mtime
//	    fallthrough [ZONES...]
//	}
//
// BlockZones are the zones of its server block, which count if the directive
// names none. The file is not read. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	if err := d.ArgCount(1, -1, "a zone file, and the zones in it"); err != nil {
		return Config{}, err
	}
	c := Config{File: d.Args[0], Reload: DefaultReload}
	rest := d
	rest.Args = d.Args[1:]
	zones, err := rest.Zones()
	if err != nil {
		return Config{}, err
	}
	if c.Zones = zones; len(zones) == 0 {
		c.Zones = slices.Clone(blockZones)
	}
	return c, d.Options(corefile.Options{
		"reload": {Parse: func(o corefile.Directive) (err error) {
			c.Reload, err = o.Duration()
			return err
		}},
		"reload_by_mtime": {Parse: func(o corefile.Directive) error {
			c.ByTime = true
			return o.NoArgs()
		}},
		"fallthrough": {Parse: func(o corefile.Directive) (err error) {
			if c.Fallthrough, err = o.Zones(); err == nil && len(c.Fallthrough) == 0 {
				c.Fallthrough = []string{"."}
			}
			return err
		}},
		// CoreDNS takes it and does nothing.
		"upstream": {Parse: func(corefile.Directive) error { return nil }},
	})
}

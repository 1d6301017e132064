package chaos

import (
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Defaults of Config.
const (
	DefaultVersion = "rollcall"
	DefaultAuthor  = "The authors of Rollcall"
)

// Config is a chaos directive. Its texts are cut after 255 octets, the longest
// that a character-string is (RFC 1035 section 3.3).
type Config struct {
	// Version is what the server says it is; empty for DefaultVersion.
	Version string
	// Authors are who wrote it; none for DefaultAuthor.
	Authors []string
	// Hostname is which server it is; empty for the host's name.
	Hostname string
}

// Parse reads a chaos directive:
//
//	chaos [VERSION] [AUTHORS...]
//
// Authors are sorted, each once. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if len(d.Args) > 0 {
		c.Version = d.Args[0]
	}
	if len(d.Args) > 1 {
		c.Authors = slices.Compact(slices.Sorted(slices.Values(d.Args[1:])))
	}
	return c, d.NoBody()
}

package tls

import (
	"crypto/tls"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a tls directive.
type Config struct {
	// Cert and Key are files in PEM format. CA, which may be empty, is one of the
	// authorities of clients; those of the system otherwise.
	Cert, Key, CA string
	ClientAuth    tls.ClientAuthType
}

// Parse reads a tls directive:
//
//	tls CERT KEY [CA] {
//	    client_auth nocert|request|require|verify_if_given|require_and_verify
//	}
//
// CoreDNS's options for keylog and ACME are refused by their name. Its errors are
// [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	unsupported := corefile.Option{Parse: func(o corefile.Directive) error {
		return o.Errorf("is not supported; certificates come from files, tls CERT KEY [CA]")
	}}
	options := corefile.Options{
		"client_auth": {Parse: func(o corefile.Directive) error {
			names := []string{"nocert", "request", "require", "verify_if_given", "require_and_verify"}
			name, err := o.Enum(names...)
			for i, n := range names {
				if n == name {
					c.ClientAuth = tls.ClientAuthType(i)
				}
			}
			return err
		}},
	}
	for _, name := range []string{"keylog", "acme", "email", "ca", "storage", "ca_root", "resolver"} {
		options[name] = unsupported
	}
	if err := d.Options(options); err != nil {
		return Config{}, err
	}
	if err := d.ArgCount(2, 3, "CERT KEY [CA]"); err != nil {
		return Config{}, err
	}
	c.Cert, c.Key = d.Args[0], d.Args[1]
	if len(d.Args) == 3 {
		c.CA = d.Args[2]
	}
	return c, nil
}

package bind

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is one bind directive. A server block may have several, and listens
// on the addresses of all.
type Config struct {
	// Addresses are IP addresses and names of interfaces, at least one.
	Addresses []string
	// Except are those of the addresses that are not listened on: for an
	// interface that has several.
	Except []string
}

// Parse reads a bind directive:
//
//	bind ADDRESS|INTERFACE... {
//	    except ADDRESS|INTERFACE...
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	const usage = "one or more of an IP address or an interface's name"
	c := Config{Addresses: d.Args}
	if err := d.ArgCount(1, -1, usage); err != nil {
		return Config{}, err
	}
	err := d.Options(corefile.Options{
		"except": {Repeat: true, Parse: func(o corefile.Directive) error {
			c.Except = append(c.Except, o.Args...)
			return o.ArgCount(1, -1, usage)
		}},
	})
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

// Lookup returns the addresses of an interface, with a scope where they need
// one, and false if there is no interface of that name.
type Lookup func(name string) ([]netip.Addr, bool, error)

// Addrs returns the addresses to listen on, each once, in the order written.
// The lookup is [Interface] but in tests.
func (c Config) Addrs(lookup Lookup) ([]netip.Addr, error) {
	except, err := resolve(c.Except, lookup)
	if err != nil {
		return nil, err
	}
	all, err := resolve(c.Addresses, lookup)
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range all {
		if !slices.Contains(except, a) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("bind %v leaves no address to listen on", c.Addresses)
	}
	return addrs, nil
}

// resolve returns the addresses that names stand for. An interface comes
// before an address that is spelled the same.
func resolve(names []string, lookup Lookup) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, name := range names {
		of, ok, err := lookup(name)
		if err != nil {
			return nil, fmt.Errorf("addresses of interface %s: %w", name, err)
		}
		if ok {
			addrs = append(addrs, of...)
			continue
		}
		a, err := netip.ParseAddr(name)
		if err != nil {
			return nil, fmt.Errorf("bind: %q is neither an IP address nor an interface of this machine", name)
		}
		addrs = append(addrs, a.Unmap())
	}
	return addrs, nil
}

// Interface is the Lookup of the machine's own interfaces.
func Interface(name string) ([]netip.Addr, bool, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, false, err
	}
	i := slices.IndexFunc(interfaces, func(i net.Interface) bool { return i.Name == name })
	if i < 0 {
		return nil, false, nil
	}
	nets, err := interfaces[i].Addrs()
	if err != nil {
		return nil, false, err
	}
	var addrs []netip.Addr
	for _, n := range nets {
		prefix, err := netip.ParsePrefix(n.String())
		if err != nil {
			continue // an address of another family
		}
		a := prefix.Addr().Unmap()
		if a.Is6() && (a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast()) {
			a = a.WithZone(name) // such addresses mean nothing without
		}
		addrs = append(addrs, a)
	}
	return addrs, true, nil
}

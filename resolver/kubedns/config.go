package kubedns

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// The keys of the ConfigMap that have a meaning here.
const (
	stubDomains         = "stubDomains"
	upstreamNameservers = "upstreamNameservers"
)

// maxUpstreams is how many upstreams kube-dns allowed.
const maxUpstreams = 3

// Config is what the ConfigMap says. The zero value says nothing.
type Config struct {
	// Name is the ConfigMap's: NAMESPACE/NAME.
	Name string
	// Stubs are sorted by their zones.
	Stubs []Stub
	// Upstreams are addresses with or without port; none leaves those of the
	// Corefile.
	Upstreams []string
	// Unknown are keys without a meaning, sorted. They have no effect.
	Unknown []string
}

// Stub is a stub domain.
type Stub struct {
	Zone string // lower-case with trailing dot
	// Servers are addresses and names of Services, with or without port.
	Servers []string
}

// at is where a key is, for errors.
func (c *Config) at(key string) corefile.Pos {
	return corefile.Pos{File: "configmap " + c.Name + ": " + key}
}

// Parse reads the data of a ConfigMap, whose name is NAMESPACE/NAME. All that is
// wrong is returned, joined, each as "configmap NAMESPACE/NAME: KEY: what is wrong,
// what is allowed".
func Parse(name string, data map[string]string) (Config, error) {
	c := Config{Name: name}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(data)) {
		switch {
		case key != stubDomains && key != upstreamNameservers:
			c.Unknown = append(c.Unknown, key)
		case strings.TrimSpace(data[key]) == "": // emptied, rather than deleted
		case key == stubDomains:
			errs = append(errs, c.parseStubs(data[key]))
		default:
			errs = append(errs, c.parseUpstreams(data[key]))
		}
	}
	return c, errors.Join(errs...)
}

// parseStubs reads stubDomains.
func (c *Config) parseStubs(text string) error {
	at := c.at(stubDomains)
	var domains map[string][]string
	if err := decode(text, &domains); err != nil {
		return at.Errorf(`wants a JSON object such as {"acme.local": ["1.2.3.4", "1.2.3.5:5353"]}: %w`, err)
	}
	var errs []error
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		stub := Stub{Zone: strings.ToLower(strings.TrimSuffix(domain, ".")), Servers: domains[domain]}
		if len(validation.IsDNS1123Subdomain(stub.Zone)) > 0 {
			errs = append(errs, at.Errorf("%q is not a domain such as acme.local", domain))
			continue
		}
		stub.Zone += "."
		if slices.ContainsFunc(c.Stubs, func(s Stub) bool { return s.Zone == stub.Zone }) {
			errs = append(errs, at.Errorf("%s: is given twice", domain))
		}
		if len(stub.Servers) == 0 {
			errs = append(errs, at.Errorf("%s: has no server; want one at least", domain))
		}
		for _, server := range stub.Servers {
			if !isAddress(server) && hostOf(server) == "" {
				errs = append(errs, at.Errorf("%s: %q is neither an address, such as 1.2.3.4, 1.2.3.4:5353 or [2001:db8::1]:53, nor the name of a Service", domain, server))
			}
		}
		c.Stubs = append(c.Stubs, stub)
	}
	slices.SortFunc(c.Stubs, func(a, b Stub) int { return strings.Compare(a.Zone, b.Zone) })
	return errors.Join(errs...)
}

// parseUpstreams reads upstreamNameservers.
func (c *Config) parseUpstreams(text string) error {
	at := c.at(upstreamNameservers)
	if err := decode(text, &c.Upstreams); err != nil {
		return at.Errorf(`wants a JSON list such as ["8.8.8.8", "8.8.4.4:53"]: %w`, err)
	}
	var errs []error
	if n := len(c.Upstreams); n > maxUpstreams {
		errs = append(errs, at.Errorf("has %d servers; want %d at most", n, maxUpstreams))
	}
	for _, server := range c.Upstreams {
		if !isAddress(server) {
			errs = append(errs, at.Errorf("%q is not an address such as 8.8.8.8, 8.8.8.8:53 or [2001:db8::1]:53", server))
		}
	}
	return errors.Join(errs...)
}

// decode reads JSON. Its errors name a line rather than Go's types.
func decode(text string, to any) error {
	err := json.Unmarshal([]byte(text), to)
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", lineOf(text, syntax.Offset), err)
	case errors.As(err, &other):
		return fmt.Errorf("line %d: there is %s %s", lineOf(text, other.Offset), article(other.Value), other.Value)
	}
	return err
}

func lineOf(text string, offset int64) int { return 1 + strings.Count(text[:offset], "\n") }

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an"
	}
	return "a"
}

// isAddress reports whether text is an address with or without port.
func isAddress(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	addr, err := netip.ParseAddrPort(text)
	return err == nil && addr.Port() != 0
}

// hostOf returns the name of a server that is given by its name, with or without
// port, in lower case with trailing dot; "" for what is no name.
func hostOf(text string) string {
	host, port, given := strings.Cut(text, ":")
	if n, err := strconv.ParseUint(port, 10, 16); given && (err != nil || n == 0) {
		return ""
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if len(validation.IsDNS1123Subdomain(host)) > 0 {
		return ""
	}
	return host + "."
}

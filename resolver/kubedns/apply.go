package kubedns

import (
	"errors"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/file"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/resolver/hosts"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// ErrNoRoot is returned where there is no server block that the ConfigMap is for.
var ErrNoRoot = errors.New("no server block is for the root zone, and so nothing of it can take effect; the least is: . { forward . /etc/resolv.conf }")

// IsFor reports whether the ConfigMap is for a server block: whether that serves the
// root zone.
func IsFor(b corefile.Block) bool { return slices.Contains(b.Zones(), ".") }

// Apply returns the Corefile with what the ConfigMap says. The file, whose
// directives must be valid, is not changed. All that stands in the way is returned,
// joined, each at the ConfigMap's key.
func (c Config) Apply(f *corefile.File) (*corefile.File, error) {
	if len(c.Stubs)+len(c.Upstreams) == 0 {
		return f, nil
	}
	if !slices.ContainsFunc(f.Blocks, IsFor) {
		return nil, corefile.Pos{File: "configmap " + c.Name}.Errorf("%w", ErrNoRoot)
	}
	errs := c.checkNames(f)
	out := &corefile.File{Name: f.Name, Blocks: slices.Clone(f.Blocks)}
	for i := range out.Blocks {
		b := &out.Blocks[i]
		if !IsFor(*b) {
			continue
		}
		b.Directives = slices.Clone(b.Directives)
		errs = append(errs, c.checkBlocks(f, i)...)
		errs = append(errs, c.addStubs(b)...)
		c.setUpstreams(b)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// checkNames checks that servers given by their names are Services: those of a zone
// of kubernetes are looked up there, and there is nobody else to ask.
func (c *Config) checkNames(f *corefile.File) (errs []error) {
	var zones []string
	for _, b := range f.Blocks {
		zones = append(zones, clusterZones(b)...)
	}
	for _, stub := range c.Stubs {
		for _, server := range stub.Servers {
			if name := hostOf(server); !isAddress(server) && !within(zones, name) {
				errs = append(errs, c.at(stubDomains).Errorf("%s: %q is neither an address nor the name of a Service in a zone of kubernetes (%s)",
					spelled(stub.Zone), server, strings.Join(zones, ", ")))
			}
		}
	}
	return errs
}

// clusterZones returns the zones of a block's kubernetes directive but for those of
// addresses.
func clusterZones(b corefile.Block) (zones []string) {
	for _, d := range b.Find(kubernetes.Name) {
		k, err := kubernetes.Parse(d, b.Zones())
		if err != nil {
			continue // and so it is not served
		}
		for _, z := range k.Zones {
			if !corefile.IsReverse(z) {
				zones = append(zones, z)
			}
		}
	}
	return zones
}

// checkBlocks checks that no other block has the names of a stub domain: of those
// that share a socket with the one at index root, a query goes to the block with the
// longest zone. Which client a view is for can't be told.
func (c *Config) checkBlocks(f *corefile.File, root int) (errs []error) {
	for i, b := range f.Blocks {
		if i == root || len(b.Find("view")) > 0 {
			continue
		}
		for _, stub := range c.Stubs {
			if key, ok := taker(b, f.Blocks[root], stub.Zone); ok {
				errs = append(errs, c.at(stubDomains).Errorf("%s: its names go to the server block %s at %s; take it out of the ConfigMap, or that out of the Corefile",
					spelled(stub.Zone), key, key.Pos))
			}
		}
	}
	return errs
}

// taker returns the key of a block by which it gets the names in zone that would
// else go to another one's root zone.
func taker(b, root corefile.Block, zone string) (corefile.Key, bool) {
	if !slices.ContainsFunc(b.Bound(), func(addr string) bool { return slices.Contains(root.Bound(), addr) }) {
		return corefile.Key{}, false
	}
	for _, key := range b.Keys {
		same := func(k corefile.Key) bool { return k.Port == key.Port && slices.Contains(k.Zones, ".") }
		if within(key.Zones, zone) && !slices.Contains(key.Zones, ".") && slices.ContainsFunc(root.Keys, same) {
			return key, true
		}
	}
	return corefile.Key{}, false
}

// addStubs adds the stub domains to a block.
func (c *Config) addStubs(b *corefile.Block) (errs []error) {
	at := c.at(stubDomains)
	for _, stub := range c.Stubs {
		for i, d := range b.Directives {
			var err error
			switch d.Name {
			case kubernetes.Name:
				b.Directives[i], err = c.fallThrough(d, b.Zones(), stub.Zone)
			case file.Name, hosts.Name:
				err = c.checkAnswers(d, b.Zones(), stub.Zone)
			}
			errs = append(errs, err)
		}
		d := corefile.Directive{Name: forward.Name, Args: append([]string{spelled(stub.Zone)}, stub.Servers...), Pos: at}
		i := slices.IndexFunc(b.Directives, func(d corefile.Directive) bool { return within(from(d), stub.Zone) })
		switch {
		case i < 0:
			b.Directives = append(b.Directives, d)
			continue
		case slices.Contains(from(b.Directives[i]), stub.Zone):
			errs = append(errs, at.Errorf("%s: is forwarded at %s already; take it out of the ConfigMap, or that out of the Corefile",
				spelled(stub.Zone), b.Directives[i].Pos))
		}
		b.Directives = slices.Insert(b.Directives, i, d)
	}
	return errs
}

// fallThrough returns a kubernetes directive that leaves to others what it does not
// have in a stub domain. The names of Services and pods are the cluster's alone:
// else each name that does not exist would be asked of the stub domain's servers.
func (c *Config) fallThrough(d corefile.Directive, blockZones []string, stub string) (corefile.Directive, error) {
	k, err := kubernetes.Parse(d, blockZones)
	if err != nil || !within(k.Zones, stub) || within(k.Fallthrough, stub) {
		return d, err
	}
	for _, z := range k.Zones {
		if !corefile.IsReverse(z) && (stub == z || within([]string{"svc." + z, "pod." + z}, stub)) {
			return d, c.at(stubDomains).Errorf("%s: its names are those of the cluster itself, by kubernetes at %s; want a domain beside svc.%s and pod.%[3]s",
				spelled(stub), d.Pos, spelled(z))
		}
	}
	d.Body = slices.Clone(d.Body)
	i := slices.IndexFunc(d.Body, func(o corefile.Directive) bool { return o.Name == "fallthrough" })
	if i < 0 {
		i = len(d.Body)
		d.Body = append(d.Body, corefile.Directive{Name: "fallthrough", Pos: c.at(stubDomains)})
	}
	d.Body[i].Args = append(slices.Clone(d.Body[i].Args), spelled(stub))
	return d, nil
}

// checkAnswers checks that a directive which answers for zones of its own does not
// answer for a stub domain.
func (c *Config) checkAnswers(d corefile.Directive, blockZones []string, stub string) error {
	var zones, fall []string
	if d.Name == file.Name {
		f, err := file.Parse(d, blockZones)
		if err != nil {
			return err
		}
		zones, fall = f.Zones, f.Fallthrough
	} else {
		h, err := hosts.Parse(d, blockZones)
		if err != nil {
			return err
		}
		zones, fall = h.Zones, h.Fallthrough
	}
	if !within(zones, stub) || within(fall, stub) {
		return nil
	}
	return c.at(stubDomains).Errorf("%s: its names are answered by %s at %s; give that a fallthrough %[1]s", spelled(stub), d.Name, d.Pos)
}

// setUpstreams has a block ask the upstreams.
func (c *Config) setUpstreams(b *corefile.Block) {
	if len(c.Upstreams) == 0 {
		return
	}
	all := corefile.Directive{Name: forward.Name, Args: append([]string{"."}, c.Upstreams...), Pos: c.at(upstreamNameservers)}
	there := false
	for i, d := range b.Directives {
		if slices.Contains(from(d), ".") {
			b.Directives[i], there = all, true
			b.Directives[i].Body = d.Body
		}
	}
	if !there {
		b.Directives = append(b.Directives, all)
	}
}

// from returns the zones that a forward directive is for; none for others.
func from(d corefile.Directive) []string {
	if d.Name != forward.Name || len(d.Args) == 0 {
		return nil
	}
	d.Args = d.Args[:1]
	zones, err := d.Zones()
	if err != nil {
		return nil
	}
	return zones
}

// within reports whether a zone is one of zones, or in one of them.
func within(zones []string, zone string) bool {
	return slices.ContainsFunc(zones, func(z string) bool { return dns.IsSubDomain(z, zone) })
}

// spelled returns a zone as people write it.
func spelled(zone string) string {
	if zone == "." {
		return zone
	}
	return strings.TrimSuffix(zone, ".")
}

package assemble

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/autopath"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// What is wrong with a Plan only on this machine, and what is allowed but hardly
// meant.

// Check looks at what the Corefile names on this machine: manifests, a
// kubeconfig, the files of an endpoint's tls, addresses to bind. All that is wrong
// is returned, joined, each at its place. It reads no manifest, connects to
// nothing and opens no socket. Of handlers' files CheckHandlers tells.
func (p *Plan) Check() error {
	var errs []error
	for i := range p.blocks {
		b := &p.blocks[i]
		_, err := b.hosts()
		errs = append(errs, err)
		for _, d := range b.Find("kubernetes") {
			errs = append(errs, b.checkSource(d))
		}
	}
	return errors.Join(errs...)
}

// checkSource checks the files that a kubernetes directive names.
func (b *block) checkSource(d corefile.Directive) error {
	var errs []error
	named := d.Errorf // what is wrong with the API server that is named
	for _, o := range d.Body {
		switch o.Name {
		case "manifests":
			errs = append(errs, checkManifests(o))
		case "kubeconfig":
			named = func(format string, args ...any) error { return o.Pos.Errorf("kubeconfig "+format, args...) }
		}
	}
	if len(b.kubernetes.Manifests) > 0 {
		return errors.Join(errs...)
	}
	api := apiConfig(b.kubernetes)
	if err := api.Check(); err != nil {
		return named("%w", err)
	}
	return nil
}

// checkManifests checks that the files exist that an option of kubernetes names.
func checkManifests(option corefile.Directive) error {
	var errs []error
	for _, path := range option.Args {
		if path == "-" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			errs = append(errs, option.Pos.Errorf("manifests %s: %w", path, reason(err)))
		}
	}
	return errors.Join(errs...)
}

// reason returns an error of a file without the operation and the file's name.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Warnings says what the Corefile leaves without an answer or without effect,
// perhaps unmeant.
func (p *Plan) Warnings() []string {
	var out []string
	some, whole := false, map[place]corefile.Pos{}
	for i := range p.blocks {
		b := &p.blocks[i]
		some = some || slices.ContainsFunc(answering(), b.has)
		if lost, to := b.shadowed(whole); len(lost) > 0 {
			out = append(out, fmt.Sprintf("%s: view: no query for %s comes here, as the server block at %s comes first and has no view",
				b.Find("view")[0].Pos, strings.Join(lost, " and "), to))
		}
		if all := b.configs[autopath.Name]; len(all) > 0 && all[0].(autopath.Config).Kubernetes && !b.knowsPods() {
			out = append(out, fmt.Sprintf("%s: autopath: @kubernetes has no effect without kubernetes in the server block that has pods verified",
				b.Find(autopath.Name)[0].Pos))
		}
		if b.kubernetes == nil && b.explain != nil {
			out = append(out, fmt.Sprintf("%s: explain: it has no effect without kubernetes in the server block", b.Find("explain")[0].Pos))
		}
		if b.kubernetes == nil {
			continue
		}
		if lost := b.unreachable(); len(lost) > 0 {
			out = append(out, fmt.Sprintf("%s: kubernetes: no query for %s comes here, as the server block is for %s",
				b.Find("kubernetes")[0].Pos, strings.Join(lost, " and "), strings.Join(b.Zones(), " and ")))
		}
	}
	if !some {
		out = append(out, p.File.Name+": no server block has "+strings.Join(answering(), ", ")+": every query is REFUSED")
	}
	return out
}

// answering returns the directives that have answers.
func answering() []string {
	return []string{"kubernetes", "forward", "file", "hosts", "template", "local", "chaos", "erratic", "whoami"}
}

// place is where server blocks come one after the other.
type place struct{ zone, addr string }

// shadowed returns those zones of a block with a view whose queries all go to a block
// before it, and where that stands. Whole has the blocks without a view so far; it
// is told of b if b is one.
func (b *block) shadowed(whole map[place]corefile.Pos) (lost []string, to corefile.Pos) {
	hosts, err := b.hostsBy(noInterface)
	if err != nil {
		return nil, to // it is told when they are looked up
	}
	for _, key := range b.Keys {
		for _, zone := range key.Zones {
			for _, host := range hosts {
				at := place{zone, net.JoinHostPort(host, strconv.Itoa(key.Port))}
				pos, taken := whole[at]
				switch {
				case b.view == nil:
					whole[at] = b.Pos
				case taken && !slices.Contains(lost, zone):
					lost, to = append(lost, zone), pos
				}
			}
		}
	}
	return lost, to
}

// unreachable returns the zones of kubernetes none of whose names are the
// block's. The primary one counts as reached where a reverse zone is: it is what the
// names of addresses lead into.
func (b *block) unreachable() (lost []string) {
	reached := func(zone string) bool {
		return slices.ContainsFunc(b.Zones(), func(own string) bool { return dns.IsSubDomain(own, zone) || dns.IsSubDomain(zone, own) })
	}
	reverse := slices.ContainsFunc(b.kubernetes.Zones, func(zone string) bool { return corefile.IsReverse(zone) && reached(zone) })
	primary := slices.IndexFunc(b.kubernetes.Zones, func(zone string) bool { return !corefile.IsReverse(zone) })
	for i, zone := range b.kubernetes.Zones {
		if !reached(zone) && !(reverse && i == primary) {
			lost = append(lost, zone)
		}
	}
	return lost
}

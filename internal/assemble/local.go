package assemble

import (
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Local describes, in the place of a Corefile, a server of one kubernetes directive.
type Local struct {
	Kubernetes corefile.Directive
	// Common are directives of all server blocks, such as bind.
	Common []corefile.Directive
	Port   int // 0 lets the system choose
	// Forward is the server that is asked for names outside of the zones; Nowhere
	// says that they do not exist. If it is empty they are REFUSED.
	Forward string
}

// Nowhere is Local.Forward where there is no other server, and nothing to be found
// outside of the zones.
const Nowhere = "none"

// denial is the SOA record of names that are nowhere. Nobody keeps it: a test may be
// about to add such a name.
const denial = `. 0 IN SOA ns.invalid. hostmaster.invalid. 1 7200 1800 86400 0`

// Blocks returns the server blocks. Those of Nowhere are two: template, which denies
// all names, would stand before kubernetes.
func (l *Local) Blocks() []corefile.Block {
	at := l.Kubernetes.Pos
	line := func(name string, args ...string) corefile.Directive {
		return corefile.Directive{Name: name, Args: args, Pos: at}
	}
	block := func(zones []string, directives ...corefile.Directive) corefile.Block {
		b := corefile.Block{Pos: at, Directives: slices.Concat(l.Common, directives)}
		for _, zone := range zones {
			b.Keys = append(b.Keys, corefile.Key{Scheme: "dns", Name: zone, Zones: []string{zone}, Port: l.Port, Pos: at})
		}
		return b
	}
	root := []string{"."}
	switch l.Forward {
	case "":
		return []corefile.Block{block(root, l.Kubernetes)}
	case Nowhere:
		nowhere := line("template", "IN", "ANY", ".")
		nowhere.Body = []corefile.Directive{line("rcode", "NXDOMAIN"), line("authority", denial)}
		return []corefile.Block{block(l.zones(), l.Kubernetes), block(root, nowhere)}
	}
	// As kubeadm has it: an address outside of the cluster is somebody else's.
	within := l.Kubernetes
	within.Body = append(slices.Clip(within.Body), line("fallthrough", "in-addr.arpa", "ip6.arpa"))
	return []corefile.Block{block(root, within, line("forward", ".", l.Forward))}
}

// zones returns the zones that the kubernetes directive names, as keys have them.
func (l *Local) zones() (all []string) {
	for _, text := range l.Kubernetes.Args {
		zones, err := corefile.Zones(text)
		if err != nil {
			zones = []string{text} // Load says what is wrong with it
		}
		all = append(all, zones...)
	}
	return all
}

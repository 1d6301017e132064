package acl

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Verb is what to do with a query.
type Verb uint8

// The verbs.
const (
	Allow  Verb = iota // pass it on
	Block              // REFUSED
	Filter             // NOERROR, without records
	Drop               // no reply
)

// verbs are the names of verbs in a Corefile.
var verbs = map[string]Verb{"allow": Allow, "block": Block, "filter": Filter, "drop": Drop}

// Rule is an acl directive.
type Rule struct {
	// Zones are the zones that it is for, lower-case with trailing dot.
	Zones []string
	// Actions are tried in order; the first that matches counts.
	Actions []Action
}

// Action is what to do with some clients' queries of some types.
type Action struct {
	Verb Verb
	// Types are the types of queries it is for, all if there are none.
	Types []uint16
	// Nets are the networks of its clients, masked, all if there are none. IPv4
	// networks are not in the form of IPv6.
	Nets []netip.Prefix
}

// Parse reads an acl directive:
//
//	acl [ZONES...] {
//	    allow|block|filter|drop [type QTYPE...] [net SOURCE...]
//	}
//
// BlockZones are the zones of its server block, which count if the directive
// names none. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Rule, error) {
	zones, err := d.Zones()
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Zones: zones}
	if len(zones) == 0 {
		r.Zones = slices.Clone(blockZones)
	}
	for _, o := range d.Body {
		verb, ok := verbs[strings.ToLower(o.Name)]
		if !ok {
			return Rule{}, o.Pos.Errorf("unknown option %q of acl (known: allow, block, drop, filter)", o.Name)
		}
		if err := o.NoBody(); err != nil {
			return Rule{}, err
		}
		a, err := parseAction(o, verb)
		if err != nil {
			return Rule{}, err
		}
		r.Actions = append(r.Actions, a)
	}
	return r, nil
}

// parseAction parses the sections of an action, of which there may be several of a
// kind.
func parseAction(o corefile.Directive, verb Verb) (Action, error) {
	a := Action{Verb: verb}
	allTypes, allNets := false, false
	for rest := o.Args; len(rest) > 0; {
		kind := strings.ToLower(rest[0])
		if !isKind(rest[0]) {
			return a, o.Errorf("wants type QTYPE... or net SOURCE..., got %q", rest[0])
		}
		n := slices.IndexFunc(rest[1:], isKind)
		if n < 0 {
			n = len(rest) - 1
		}
		words := rest[1 : 1+n]
		rest = rest[1+n:]
		if len(words) == 0 {
			return a, o.Errorf("nothing follows %s", kind)
		}
		for _, word := range words {
			switch {
			case kind == "type" && word == "*":
				allTypes = true
			case kind == "type":
				typ, ok := dns.StringToType[strings.ToUpper(word)]
				if !ok {
					return a, o.Errorf("%q is not a type of query", word)
				}
				a.Types = append(a.Types, typ)
			case word == "*":
				allNets = true
			default:
				net, ok := parseNet(word)
				if !ok {
					return a, o.Errorf("%q is not an address or a network such as 10.0.0.0/8 or fd00::/8", word)
				}
				a.Nets = append(a.Nets, net)
			}
		}
	}
	if allTypes {
		a.Types = nil
	}
	if allNets {
		a.Nets = nil
	}
	return a, nil
}

// isKind reports whether a word begins a section.
func isKind(word string) bool {
	return strings.EqualFold(word, "type") || strings.EqualFold(word, "net")
}

// mapped is the length of what IPv4 addresses in the form of IPv6 begin with.
const mapped = 96

// parseNet parses an address or a network.
func parseNet(text string) (netip.Prefix, bool) {
	net, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		net = netip.PrefixFrom(addr, addr.BitLen())
	}
	if net.Addr().Is4In6() && net.Bits() >= mapped {
		net = netip.PrefixFrom(net.Addr().Unmap(), net.Bits()-mapped)
	}
	return net.Masked(), true
}

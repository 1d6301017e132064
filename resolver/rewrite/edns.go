package rewrite

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// What a rule does with an option.
const (
	set        = "set"     // the option is there then, with the rule's data
	replace    = "replace" // only where the client sent one
	appendMore = "append"  // only where the client sent none
	unset      = "unset"   // it is not there then
)

// optionRule changes an EDNS option of the question.
type optionRule struct {
	action string
	code   uint16
	// data returns what the option holds. It reports false where that can't be
	// told: the rule is not for the question then. Nil is no data.
	data func(x *question) ([]byte, bool)
}

// parseEDNS0 parses what follows "edns0":
//
//	local set|replace|append CODE DATA|{VARIABLE} [revert]
//	local unset CODE
//	nsid set|replace|append [revert]
//	nsid unset
//	subnet set|replace|append BITS4 BITS6 [revert]
//	subnet unset
//
// Revert is taken and has nothing to do: no option of a question is ever repeated
// in the reply.
func parseEDNS0(d corefile.Directive, args []string) (rule, error) {
	if len(args) < 2 {
		return nil, d.Errorf("edns0 wants one of local, nsid, subnet and one of set, replace, append, unset")
	}
	kind, r := strings.ToLower(args[0]), optionRule{action: strings.ToLower(args[1])}
	args = args[2:]
	switch r.action {
	case set, replace, appendMore:
		if n := len(args) - 1; n >= 0 && args[n] == "revert" {
			args = args[:n]
		}
	case unset:
	default:
		return nil, d.Errorf("edns0 %s wants one of set, replace, append, unset, got %q", kind, r.action)
	}
	var err error
	switch kind {
	case "local":
		err = r.local(d, args)
	case "nsid":
		r.code = dns.EDNS0NSID
		if len(args) > 0 {
			err = d.Errorf("edns0 nsid %s wants nothing more, got %q", r.action, strings.Join(args, " "))
		}
	case "subnet":
		err = r.subnet(d, args)
	default:
		err = d.Errorf("edns0 wants one of local, nsid, subnet, got %q", kind)
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// local parses CODE and DATA.
func (r *optionRule) local(d corefile.Directive, args []string) error {
	usage, want := "CODE and DATA", 2
	if r.action == unset {
		usage, want = "CODE", 1
	}
	if len(args) != want {
		return d.Errorf("edns0 local %s wants %s, got %d words", r.action, usage, len(args))
	}
	code, err := strconv.ParseUint(args[0], 0, 16)
	if err != nil {
		return d.Errorf("edns0 local: a code is a number, 0 to 65535 or 0xffff, got %q", args[0])
	}
	r.code = uint16(code)
	if r.action == unset {
		return nil
	}
	text := args[1]
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		if r.data = variable(strings.Trim(text, "{}")); r.data == nil {
			return d.Errorf("edns0 local: unknown variable %s (known: %s, and labels such as {handler/label})", text, variables)
		}
		return nil
	}
	data := []byte(text)
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		if data, err = hex.DecodeString(digits); err != nil {
			return d.Errorf("edns0 local: %q: %w", text, err)
		}
	}
	r.data = func(*question) ([]byte, bool) { return data, true }
	return nil
}

const variables = "{qname}, {qtype}, {client_ip}, {client_port}, {protocol}, {server_ip}, {server_port}"

// variable returns what tells a variable's value, nil for one that is not known.
// Numbers are in network order, addresses 4 or 16 octets.
func variable(name string) func(*question) ([]byte, bool) {
	switch name {
	case "qname":
		return func(x *question) ([]byte, bool) { return slices.Clone(x.name), true }
	case "qtype":
		return func(x *question) ([]byte, bool) { return number(x.typ), true }
	case "client_ip":
		return func(x *question) ([]byte, bool) { return address(x.query.Client) }
	case "client_port":
		return func(x *question) ([]byte, bool) { return number(x.query.Client.Port()), true }
	case "protocol":
		return func(x *question) ([]byte, bool) { return []byte(x.query.Transport.String()), true }
	case "server_ip":
		return func(x *question) ([]byte, bool) { return address(x.query.Local) }
	case "server_port":
		return func(x *question) ([]byte, bool) { return number(x.query.Local.Port()), true }
	}
	if handler, label, ok := strings.Cut(name, "/"); !ok || handler == "" || label == "" {
		return nil
	}
	return func(x *question) ([]byte, bool) {
		value := x.query.Labels[name]
		return []byte(value), value != ""
	}
}

func number(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func address(a netip.AddrPort) ([]byte, bool) { return a.Addr().Unmap().AsSlice(), a.IsValid() }

// subnet parses how many bits of the client's address are told, for IPv4 and IPv6
// (RFC 7871 section 6).
func (r *optionRule) subnet(d corefile.Directive, args []string) error {
	r.code = dns.EDNS0SUBNET
	if r.action == unset {
		if len(args) > 0 {
			return d.Errorf("edns0 subnet unset wants nothing more, got %q", strings.Join(args, " "))
		}
		return nil
	}
	if len(args) != 2 {
		return d.Errorf("edns0 subnet %s wants how many bits of IPv4 and of IPv6 addresses, got %d words", r.action, len(args))
	}
	var bits [2]int
	for i, most := range []uint64{32, 128} {
		n, err := strconv.ParseUint(args[i], 0, 16)
		if err != nil || n > most {
			return d.Errorf("edns0 subnet wants a number of bits, 0 to %d, got %q", most, args[i])
		}
		bits[i] = int(n)
	}
	r.data = func(x *question) ([]byte, bool) {
		addr := x.query.Client.Addr().Unmap().WithZone("")
		family, n := byte(1), bits[0]
		if addr.Is6() {
			family, n = 2, bits[1]
		}
		network, err := addr.Prefix(n)
		if err != nil {
			return nil, false
		}
		data := []byte{0, family, byte(n), 0}
		return append(data, network.Addr().AsSlice()[:(n+7)/8]...), true
	}
	return nil
}

// apply changes x's options.
func (r *optionRule) apply(x *question) bool {
	options := x.options
	if options == nil {
		options = x.query.Options
	}
	there := hasOption(options, r.code)
	switch {
	case r.action == unset:
		if there {
			x.options = without(options, r.code)
		}
		return true
	case r.action == replace && !there, r.action == appendMore && there:
		return false
	}
	var data []byte
	if r.data != nil {
		var ok bool
		if data, ok = r.data(x); !ok {
			return false
		}
	}
	options = without(options, r.code)
	if len(options)+4+len(data) > math.MaxUint16 {
		return false // it can't be said
	}
	options = binary.BigEndian.AppendUint16(options, r.code)
	options = binary.BigEndian.AppendUint16(options, uint16(len(data)))
	x.options = append(options, data...)
	return true
}

// hasOption reports whether an option of that code is among options.
func hasOption(options []byte, code uint16) bool {
	for len(options) > 0 {
		one, rest := nextOption(options)
		if binary.BigEndian.Uint16(one) == code {
			return true
		}
		options = rest
	}
	return false
}

// without returns a copy of options, never nil, with none of that code.
func without(options []byte, code uint16) []byte {
	kept := make([]byte, 0, len(options))
	for len(options) > 0 {
		one, rest := nextOption(options)
		if binary.BigEndian.Uint16(one) != code {
			kept = append(kept, one...)
		}
		options = rest
	}
	return kept
}

// nextOption splits the first option off options, which are well formed: the query
// was accepted.
func nextOption(options []byte) (one, rest []byte) {
	n := 4 + int(binary.BigEndian.Uint16(options[2:]))
	return options[:n], options[n:]
}

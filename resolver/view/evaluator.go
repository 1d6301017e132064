package view

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/expr-lang/expr/vm"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
)

// clientIn is the function that stands for incidr where its arguments are the
// client's address and a constant. Nobody can write its name.
const clientIn = "client in"

// evaluator is the memory that the evaluation of an expression needs. It is used
// again and again, by one goroutine at a time: making its functions costs more
// than most expressions.
type evaluator struct {
	functions map[string]any
	machine   vm.VM

	// What the functions are about: set for each evaluation.
	query    *resolver.Query
	networks []*net.IPNet
	err      error // the first of a function
}

func newEvaluator() *evaluator {
	e := new(evaluator)
	// These are CoreDNS's. The library calls functions of these types directly, and
	// others by reflection.
	e.functions = map[string]any{
		"bufsize":     func() int { return int(e.query.BufSize()) },
		"class":       func() string { return dns.Class(e.query.Class).String() },
		"client_ip":   func() string { return e.query.Client.Addr().Unmap().String() },
		"do":          func() bool { return e.query.DO },
		"id":          func() int { return int(e.query.ID) },
		"incidr":      e.inCIDR,
		"metadata":    func(label string) string { return e.query.Labels[label] },
		"name":        e.name,
		"opcode":      func() int { return e.query.Opcode() },
		"port":        func() string { return port(e.query.Client) },
		"proto":       func() string { return e.query.Transport.String() },
		"server_ip":   e.serverIP,
		"server_port": func() string { return port(e.query.Local) },
		"size":        func() int { return e.query.Size() },
		"type":        func() string { return dns.Type(e.query.Type).String() },
		clientIn:      func(i int) bool { return contains(e.networks[i], e.query.Client.Addr()) },
	}
	return e
}

// evaluate reports whether an expression is true of q.
func (e *evaluator) evaluate(x *Expression, q *resolver.Query) (bool, error) {
	e.query, e.networks, e.err = q, x.networks, nil
	result, err := e.machine.Run(x.program, e.functions)
	e.query = nil // it is only valid for now
	if err != nil {
		return false, x.explain(err)
	}
	if e.err != nil {
		return false, e.err
	}
	is, _ := result.(bool) // it always is: see compile
	return is, nil
}

// name returns the name asked for, in lower case and with its final dot.
func (e *evaluator) name() string {
	name, _, err := dns.UnpackDomainName(e.query.Name(), 0)
	if err != nil {
		e.fail(fmt.Errorf("name: %w", err))
	}
	return name
}

func (e *evaluator) serverIP() string {
	if !e.query.Local.IsValid() {
		return ""
	}
	return e.query.Local.Addr().Unmap().String()
}

func port(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }

// inCIDR reports whether an address is in a network. If either is none the
// expression fails.
func (e *evaluator) inCIDR(address, cidr string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		e.fail(fmt.Errorf("incidr: %q is not an IP address", address))
		return false
	}
	network, err := parseNetwork(cidr)
	if err != nil {
		e.fail(err)
		return false
	}
	return contains(network, a)
}

// parseNetwork reads the second argument of incidr.
func parseNetwork(cidr string) (*net.IPNet, error) {
	_, network, err := net.ParseCIDR(cidr)
	if err != nil {
		return nil, fmt.Errorf("incidr: %q is not a network such as 10.0.0.0/8 or fd00::/8", cidr)
	}
	return network, nil
}

// contains reports whether a is in a network. IPv4 addresses in the form of IPv6
// are IPv4, and zones of addresses do not matter.
func contains(network *net.IPNet, a netip.Addr) bool {
	octets := a.As16()
	return network.Contains(octets[:])
}

// fail makes the evaluation fail. The library would have errors returned, but
// calls such functions by reflection.
func (e *evaluator) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

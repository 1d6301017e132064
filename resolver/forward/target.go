package forward

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/zone"
)

// Protocol is how an upstream is spoken to.
type Protocol uint8

// The protocols.
const (
	Plain Protocol = iota // UDP and TCP
	TLS                   // RFC 7858
	HTTPS                 // RFC 8484, at /dns-query
)

// port returns the protocol's own port.
func (p Protocol) port() uint16 { return [...]uint16{Plain: 53, TLS: 853, HTTPS: 443}[p] }

// Target is where a Corefile says to ask: one server, a file that lists some, or a
// name that Deps.Lookup knows.
type Target struct {
	File string // in the format of resolv.conf; if set, the rest is zero
	// Name is that of a Service, and stands for its addresses. If set, Protocol is
	// Plain, and Addr has but a port.
	Name zone.Name

	Protocol   Protocol
	Addr       netip.AddrPort
	ServerName string // of TLS; empty is Config.ServerName
}

// ParseTarget reads a TO: an address with or without port, with or without
// scheme, the path of a file, or a name with or without port. What has no slash is
// a path if there is such a file.
func ParseTarget(text string) (Target, error) {
	t, rest := Target{}, text
	if scheme, after, ok := strings.Cut(text, "://"); ok {
		rest = after
		switch scheme {
		case "dns":
		case "tls":
			t.Protocol = TLS
		case "https":
			t.Protocol = HTTPS
		default:
			return t, fmt.Errorf("%s:// in %q is not supported (supported: dns://, tls://, https://)", scheme, text)
		}
	}
	address := rest
	if t.Protocol != Plain {
		address, t.ServerName = cutServerName(rest)
	}
	addr, ok := parseAddr(address, t.Protocol.port())
	switch {
	case ok:
		t.Addr = addr
		return t, nil
	case t.Protocol == HTTPS && strings.Contains(rest, "/"):
		return Target{}, fmt.Errorf("%q has a path; it is always /dns-query", text)
	case t.Protocol != Plain:
		return Target{}, fmt.Errorf("%q has no address; files and names are for UDP and TCP alone", text)
	case isFile(rest):
		return Target{File: rest}, nil
	}
	if name, port, ok := parseName(rest); ok {
		return Target{Name: name, Addr: netip.AddrPortFrom(netip.Addr{}, port)}, nil
	}
	return Target{}, fmt.Errorf("%q is neither an address nor a file, nor the name of a Service", text)
}

// parseName reads a name with or without port.
func parseName(text string) (name zone.Name, port uint16, ok bool) {
	host, number, given := strings.Cut(text, ":")
	port = Plain.port()
	if given {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		port = uint16(n)
	}
	name, err := zone.ParseName(host)
	return name, port, err == nil && name != wire.Root
}

// cutServerName splits 192.0.2.1%name:853 and [2001:db8::1%name]:853, port or
// brackets or not, into the address with its port, and the name.
func cutServerName(text string) (address, name string) {
	address, name, _ = strings.Cut(text, "%")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		port := name[i:]
		name = name[:i]
		if strings.Contains(address, ":") && !strings.HasPrefix(address, "[") {
			address = "[" + address + "]"
		}
		if inner, ok := strings.CutSuffix(name, "]"); ok {
			name, port = inner, "]"+port
		}
		address += port
	} else if inner, ok := strings.CutSuffix(name, "]"); ok {
		name, address = inner, address+"]"
	}
	return address, name
}

// parseAddr reads an address with or without port.
func parseAddr(text string, port uint16) (netip.AddrPort, bool) {
	if addr, err := netip.ParseAddrPort(text); err == nil {
		return addr, addr.Port() != 0
	}
	inner, ok := strings.CutPrefix(text, "[")
	if ok {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return netip.AddrPort{}, false
		}
	}
	addr, err := netip.ParseAddr(inner)
	return netip.AddrPortFrom(addr, port), err == nil
}

// isFile reports whether text is to be taken for a path.
func isFile(text string) bool {
	if strings.Contains(text, "/") {
		return true
	}
	info, err := os.Stat(text)
	return err == nil && info.Mode().IsRegular()
}

// String returns the target as a Corefile may have it.
func (t Target) String() string {
	switch {
	case t.File != "":
		return t.File
	case t.Name != "":
		return t.Name.String() + ":" + strconv.Itoa(int(t.Addr.Port()))
	case t.Protocol == Plain:
		return t.Addr.String()
	}
	scheme := [...]string{TLS: "tls://", HTTPS: "https://"}[t.Protocol]
	if t.ServerName == "" {
		return scheme + t.Addr.String()
	}
	host, port := t.Addr.Addr(), strconv.Itoa(int(t.Addr.Port()))
	if host.Is6() {
		return scheme + "[" + host.String() + "%" + t.ServerName + "]:" + port
	}
	return scheme + host.String() + "%" + t.ServerName + ":" + port
}

package corefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// DefaultPort is the port of a key that has none, nor a scheme but dns.
const DefaultPort = 53

// Key is a key of a server block: the zones that the block answers for, and
// the port that it listens on.
type Key struct {
	// Scheme is the transport: "dns" (UDP and TCP), "tls" or "https".
	Scheme string
	// Name is the zone as written, in lower case: a domain name with or
	// without trailing dot, or a network such as 10.0.0.0/24.
	Name string
	// Zones are the zones that Name stands for, see [Zones].
	Zones []string
	Port  int // 0 to 65535; 0 lets the system choose
	Pos   Pos
}

// String returns the key in canonical form, as "cluster.local:53" or
// "tls://.:853".
func (k Key) String() string {
	s := k.Name + ":" + strconv.Itoa(k.Port)
	if k.Scheme != "dns" {
		s = k.Scheme + "://" + s
	}
	return s
}

// schemes are the transports that the format knows, and the port of each: 0 for
// dns, whose port can be chosen. Those that are -1 are refused by their name.
var schemes = map[string]int{
	"dns": 0, "tls": 853, "https": 443, "https3": -1,
	"grpc": -1, "quic": -1, "unix": -1,
}

// parseKey parses the text of a key: [scheme://]zone[:port]. Port is that of a key
// without one.
func parseKey(pos Pos, text string, port int) (Key, error) {
	k := Key{Scheme: "dns", Port: port, Pos: pos}
	rest := text
	if scheme, after, ok := strings.Cut(text, "://"); ok {
		port, known := schemes[scheme]
		const supported = "(supported: dns://, tls://, https://)"
		switch {
		case !known:
			return k, pos.Errorf("unknown scheme %q in %q %s", scheme, text, supported)
		case port < 0:
			return k, pos.Errorf("%s:// in %q is not supported %s", scheme, text, supported)
		case port > 0:
			k.Port = port
		}
		k.Scheme, rest = scheme, after
	}
	// The port is what follows the last colon if it is a number; other
	// colons are part of an IPv6 network, which always ends in its length.
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		given, err := strconv.ParseUint(rest[i+1:], 10, 16)
		switch {
		case err == nil:
			rest, k.Port = rest[:i], int(given)
		case errors.Is(err, strconv.ErrRange):
			return k, pos.Errorf("port %s in %q must be 0 to 65535", rest[i+1:], text)
		}
	}
	zones, err := Zones(rest)
	if err != nil {
		return k, pos.Errorf("%q is not a zone: %w", text, err)
	}
	k.Name, k.Zones = strings.ToLower(rest), zones
	return k, nil
}

// Zones returns the zones that text stands for, lower-case with trailing dot:
// one for a domain name, and for a network as 10.0.0.0/24 or fd00::/8 those
// reverse zones that together are the network. A network whose length is not
// a multiple of 8 (4 for IPv6) is several zones: 10.0.0.0/23 is
// 0.0.10.in-addr.arpa. and 1.0.10.in-addr.arpa.
func Zones(text string) ([]string, error) {
	if text == "" {
		return nil, errors.New("it is empty; the root zone is written as a dot")
	}
	if zones, ok, err := reverseZones(text); ok || err != nil {
		return zones, err
	}
	for _, r := range text {
		switch {
		case r > '~':
			return nil, errors.New("only ASCII is allowed; international names are written in their xn-- form")
		case r <= ' ' || r == ':' || r == '"' || r == '#' || r == ',' || r == '{' || r == '}':
			return nil, fmt.Errorf("%q is not allowed in a name", r)
		}
	}
	name := dns.CanonicalName(text)
	if _, ok := dns.IsDomainName(name); !ok {
		return nil, errors.New("labels must have 1 to 63 bytes, and the name 255 at most")
	}
	return []string{name}, nil
}

// IsReverse says whether a zone, in the form that Zones returns, is for
// addresses.
func IsReverse(zone string) bool {
	return dns.IsSubDomain("in-addr.arpa.", zone) || dns.IsSubDomain("ip6.arpa.", zone)
}

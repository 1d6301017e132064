package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/zone"
)

// Errors of lines and files.
var (
	errAddress  = errors.New("not an IP address")
	errNoName   = errors.New("an address without a name")
	errNoText   = errors.New("a zero octet: not a text")
	errNotAFile = errors.New("not a regular file")
)

// parseAddr parses an address as it stands in a line. The zone of an IPv6 address
// is left out, as records have none.
func parseAddr(text string) (netip.Addr, error) {
	text, _, _ = strings.Cut(text, "%")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q: %w", text, errAddress)
	}
	return addr.Unmap(), nil
}

// parseLine parses the words of a line: an address, and at least one name.
func parseLine(words []string) (Line, error) {
	addr, err := parseAddr(words[0])
	if err != nil {
		return Line{}, err
	}
	if len(words) == 1 {
		return Line{}, fmt.Errorf("%s: %w", words[0], errNoName)
	}
	line := Line{Addr: addr}
	for _, word := range words[1:] {
		name, err := zone.ParseName(word)
		if err != nil {
			return Line{}, err
		}
		line.Names = append(line.Names, name)
	}
	return line, nil
}

// fault is a line that says nothing, counted from 1.
type fault struct {
	line int
	err  error
}

// parseText parses a file: its lines, and those of them that say nothing. A text
// that is none is an error, at a line.
func parseText(text []byte) (lines []Line, faults []fault, broken *fault) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if bytes.IndexByte(line, 0) >= 0 {
			return nil, nil, &fault{number, errNoText}
		}
		line, _, _ = bytes.Cut(line, []byte{'#'})
		words := strings.Fields(string(line))
		if len(words) == 0 {
			continue
		}
		l, err := parseLine(words)
		if err != nil {
			faults = append(faults, fault{number, err})
			continue
		}
		lines = append(lines, l)
	}
	return lines, faults, nil
}

// table is what is answered from. It does not change once it is shared.
type table struct {
	names   map[zone.Name]*node
	wild    map[zone.Name]*node  // the nodes of *.NAME, by NAME
	reverse map[zone.Name][]byte // PTR records, by the name in in-addr.arpa or ip6.arpa
	entries int                  // addresses of names, and names of addresses
}

// node has a name's records, made by wire.AppendRR, each address once.
type node struct{ a, aaaa []byte }

// newTable makes a table of lines. Names in none of the zones are left out.
func newTable(c *Config, zones []zone.Name, lines []Line) *table {
	t := &table{names: map[zone.Name]*node{}, wild: map[zone.Name]*node{}, reverse: map[zone.Name][]byte{}}
	for _, line := range lines {
		for _, name := range line.Names {
			if zone.Longest(zones, []byte(name)) != "" {
				t.add(c, line.Addr, name)
			}
		}
	}
	return t
}

// add adds an address of a name, and but for wildcards the name of the address.
func (t *table) add(c *Config, addr netip.Addr, name zone.Name) {
	nodes, key := t.names, name
	wildcard := strings.HasPrefix(string(name), "\x01*")
	if wildcard {
		nodes, key = t.wild, name.Parent()
	}
	n := nodes[key]
	if n == nil {
		n = new(node)
		nodes[key] = n
	}
	records, typ := &n.a, wire.TypeA
	if addr.Is6() {
		records, typ = &n.aaaa, wire.TypeAAAA
	}
	rr := wire.AppendRR(nil, typ, c.TTL, addr.AsSlice())
	for old := range slices.Chunk(*records, len(rr)) {
		if bytes.Equal(old, rr) {
			return
		}
	}
	*records = append(*records, rr...)
	t.entries++
	if !wildcard && !c.NoReverse {
		at := zone.ReverseName(addr)
		t.reverse[at] = append(t.reverse[at], wire.AppendRR(nil, wire.TypePTR, c.TTL, []byte(name))...)
		t.entries++
	}
}

// lookup returns the node of a name in lower-case wire form, nil if it has none.
func (t *table) lookup(name []byte) *node {
	if n := t.names[zone.Name(name)]; n != nil {
		return n
	}
	if len(t.wild) == 0 || len(name) == 1 {
		return nil
	}
	return t.wild[zone.Name(name[1+name[0]:])]
}

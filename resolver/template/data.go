package template

import (
	"regexp"
	"strconv"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Data is what a template sees of a query.
type Data struct {
	Zone  string   // the longest of the template's zones that the name is in
	Name  string   // lower-case, with final dot
	Class string   // "IN"; the template's for a query of class ANY
	Type  string   // "A"; the template's for a query of type ANY
	Regex string   // the expression that matched
	Match []string // what it and its groups matched
	// Group are the groups by name and by number.
	Group    map[string]string
	Question *dns.Question // the name in the client's letters
	Remote   string        // the client's address

	query *resolver.Query
}

// Meta returns what a handler told of the query, by a label such as
// "forward/upstream"; nothing where the server block has no metadata.
func (d *Data) Meta(label string) string { return d.query.Labels[label] }

// Message returns the query.
func (d *Data) Message() *dns.Msg {
	q := d.query
	m := new(dns.Msg)
	m.Id, m.Opcode = q.ID, q.Opcode()
	m.RecursionDesired, m.CheckingDisabled = q.Flags&wire.FlagRD != 0, q.Flags&wire.FlagCD != 0
	m.AuthenticatedData = q.Flags&wire.FlagAD != 0
	m.Question = []dns.Question{*d.Question}
	if q.HasEDNS {
		m.SetEdns0(q.UDPSize, q.DO)
		packed, err := m.Pack()
		if err != nil {
			return m
		}
		whole := new(dns.Msg)
		n := len(packed)
		packed[n-2], packed[n-1] = byte(len(q.Options)>>8), byte(len(q.Options))
		if whole.Unpack(append(packed, q.Options...)) == nil {
			return whole
		}
	}
	return m
}

// data returns what a template sees of q, which it is for by its zone, class and
// type, or nil if no expression matches.
func (t *Config) data(q *resolver.Query, apex zone.Name) *Data {
	name := zone.Name(q.Name()).String()
	d := &Data{
		Zone: apex.String(), Name: name, query: q,
		Question: &dns.Question{Name: zone.Name(q.RawName()).String(), Qtype: q.Type, Qclass: q.Class},
		Remote:   q.Client.Addr().Unmap().WithZone("").String(),
	}
	class, typ := q.Class, q.Type
	if class == dns.ClassANY {
		class = t.Class
	}
	if typ == dns.TypeANY {
		typ = t.Type
	}
	d.Class, d.Type = dns.ClassToString[class], dns.TypeToString[typ]
	for _, re := range t.Match {
		if d.Match = re.FindStringSubmatch(name); d.Match != nil {
			d.matched(re)
			return d
		}
	}
	return nil
}

// matched notes the groups of the expression that matched.
func (d *Data) matched(re *regexp.Regexp) {
	d.Regex, d.Group = re.String(), map[string]string{}
	for i, text := range d.Match {
		d.Group[strconv.Itoa(i)] = text
	}
	for i, name := range re.SubexpNames() {
		if name != "" {
			d.Group[name] = d.Match[i]
		}
	}
}

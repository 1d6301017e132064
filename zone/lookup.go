package zone

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// ParseType returns the number of a type of records that may be asked for, as "A" or
// "TYPE257", in any case.
func ParseType(text string) (typ uint16, ok bool) {
	text = strings.ToUpper(text)
	if typ, ok = dns.StringToType[text]; !ok {
		n, err := strconv.ParseUint(strings.TrimPrefix(text, "TYPE"), 10, 16)
		typ, ok = uint16(n), err == nil && strings.HasPrefix(text, "TYPE")
	}
	switch typ {
	case dns.TypeNone, dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, dns.TypeAXFR, dns.TypeIXFR:
		return 0, false
	}
	return typ, ok
}

// Lookup returns what a client over TCP would get for a name and type in its
// answer section, as a master file has it, a space between fields, and the outcome.
// The order of addresses is always the same.
//
// Slow path.
func (s *Snapshot) Lookup(name Name, typ uint16) (Outcome, []string, error) {
	packet, err := new(dns.Msg).SetQuestion(name.String(), typ).Pack()
	if err != nil {
		return NotOurs, nil, fmt.Errorf("the question %s: %w", name, err)
	}
	var q wire.Query
	if q.Parse(packet) != wire.Accept {
		return NotOurs, nil, fmt.Errorf("%s: not a question: %s", name, q.Reject)
	}
	var r wire.Reply
	r.Start(&q, nil, true)
	result := s.Answer(&q, &r)
	var m dns.Msg
	if err := m.Unpack(r.Finish()); err != nil {
		return NotOurs, nil, fmt.Errorf("the answer for %s: %w", name, err)
	}
	var records []string
	for _, rr := range m.Answer {
		records = append(records, strings.Join(strings.Fields(rr.String()), " "))
	}
	return result.Outcome, records, nil
}

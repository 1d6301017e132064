package zone

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Lookup returns what a client over TCP would get for a name and type in its
// answer section, in no random order, and the outcome.
//
// Slow path.
func (s *Snapshot) Lookup(name Name, typ uint16) (Outcome, []dns.RR, error) {
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
	return result.Outcome, m.Answer, nil
}

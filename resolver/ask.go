package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// maxDepth is how many questions may stand behind one another.
const maxDepth = 8

// ErrDepth is why a query is SERVFAIL whose answer would take too many questions
// of our own: what leads to it is a loop, most likely.
var ErrDepth = fmt.Errorf("more than %d questions behind one another", maxDepth)

// ErrAsk is why a question of our own is not asked: Parse would not accept it.
var ErrAsk = errors.New("not a question")

// Question is what Ask asks.
type Question struct {
	Name  string // absolute, as miekg/dns writes it
	Type  uint16
	Class uint16 // 0 is that of the query
	// Client, if valid, asks in the place of the query's.
	Client netip.AddrPort
	// Options, if not nil, are EDNS options in the place of the query's.
	Options []byte
}

// Ask has h serve another question on the way to the answer of q, for the same
// client, and returns the reply as Reply.Msg does. It is not cut to the client's
// size; TC is that of another server, or of what 64 KiB do not hold.
// With Later, Dropped and errors the message is nil, and the caller's outcome is
// the one that is returned.
//
// Slow path: it packs and unpacks messages.
func Ask(h Handler, q *Query, ask Question) (*dns.Msg, Outcome, error) {
	if q.Depth >= maxDepth {
		return nil, ServFail, ErrDepth
	}
	m := new(dns.Msg)
	m.SetQuestion(ask.Name, ask.Type)
	m.Id = q.ID
	m.RecursionDesired, m.CheckingDisabled = q.Flags&wire.FlagRD != 0, q.Flags&wire.FlagCD != 0
	m.AuthenticatedData = q.Flags&wire.FlagAD != 0
	m.Question[0].Qclass = q.Class
	if ask.Class != 0 {
		m.Question[0].Qclass = ask.Class
	}
	packet, err := m.Pack()
	if err != nil {
		return nil, ServFail, fmt.Errorf("asking %s: %w", ask.Name, err)
	}
	options := q.Options
	if ask.Options != nil {
		options = ask.Options
	}
	if q.HasEDNS || len(options) > 0 {
		packet = wire.AppendOPT(packet, q.DO, options)
	}
	x := Exchange{Query: Query{
		Client: q.Client, Local: q.Local, Transport: q.Transport, Received: q.Received, Shard: q.Shard, Trusted: q.Trusted,
		Turn: q.Turn, Context: q.Context, Head: q.Head, Depth: q.Depth + 1, Labels: q.Labels,
	}}
	if ask.Client.IsValid() {
		x.Query.Client, x.Query.Trusted = ask.Client, false // no cookie is of that address
	}
	if x.Query.Parse(packet) != wire.Accept {
		return nil, ServFail, fmt.Errorf("asking %s: %w", ask.Name, ErrAsk)
	}
	x.Reply.Start(&x.Query.Query, nil, true)
	o := h.Serve(&x.Query, &x.Reply)
	if o == Later || o == Dropped || x.Reply.Err != nil {
		return nil, o, x.Reply.Err
	}
	x.Reply.SetRcode(o.Rcode(&x.Reply))
	reply, err := x.Reply.Msg()
	if err != nil {
		return nil, ServFail, fmt.Errorf("asking %s: %w", ask.Name, err)
	}
	return reply, o, nil
}

// WithContext gives q another Context, until restore is called.
func (q *Query) WithContext(ctx context.Context) (restore func()) {
	old := q.Context
	q.Context = ctx
	return func() { q.Context = old }
}

// Msg returns the reply as far as it goes. It has an OPT record if there is an
// Extended DNS Error, with that alone.
//
// Slow path.
func (r *Reply) Msg() (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(r.Reply.Plain()); err != nil {
		return nil, err
	}
	m.Rcode = int(r.Reply.Rcode()) // the header has four bits of it
	if e, ok := r.EDE(); ok {
		opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		opt.Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: uint16(e.Code), ExtraText: e.Text}}
		m.Extra = append(m.Extra, opt)
	}
	return m, nil
}

// ExtendedError returns the first Extended DNS Error of a message, nil for none.
func ExtendedError(m *dns.Msg) *wire.ExtendedError {
	opt := m.IsEdns0()
	if opt == nil {
		return nil
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			return &wire.ExtendedError{Code: wire.EDE(e.InfoCode), Text: e.ExtraText}
		}
	}
	return nil
}

// SetMsg makes m's records, rcode, AA, AD, TC and Extended DNS Error the reply's, as
// by SetMessage. The question stays; m's must be about its name. What was made of
// another server's message (Relayed) still is.
//
// Slow path.
func (r *Reply) SetMsg(m *dns.Msg) error {
	whole, err := Pack(m)
	if err != nil {
		return err
	}
	if !r.SetMessage(whole, wire.Fresh) {
		return fmt.Errorf("a reply to another question: %w", wire.ErrMessage)
	}
	if r.Relayed != nil {
		r.Relayed = whole
	}
	return nil
}

// Clear takes back what was said in answer to the question, as that of the Reply
// within does, and that it was another server's.
func (r *Reply) Clear() {
	r.Reply.Clear()
	r.Relayed = nil
}

// Pack returns m, which must have one question, as a message without additional
// records that concern a single hop (OPT, TKEY, TSIG), but with the Extended DNS Error
// that it has. What 64 KiB do not hold is left out, with TC.
func Pack(m *dns.Msg) (*wire.Message, error) {
	plain := *m
	plain.Extra = nil
	for _, rr := range m.Extra {
		switch rr.Header().Rrtype {
		case dns.TypeOPT, dns.TypeTKEY, dns.TypeTSIG:
		default:
			plain.Extra = append(plain.Extra, rr)
		}
	}
	plain.Compress = true
	plain.Rcode &= 0xf // what is above is in the OPT record
	packed, err := plain.Pack()
	if err != nil {
		return nil, err
	}
	if len(packed) > wire.MaxTCP {
		plain.Truncate(wire.MaxTCP)
		if packed, err = plain.Pack(); err != nil {
			return nil, err
		}
	}
	whole, err := wire.ReadMessage(packed)
	if err != nil {
		return nil, err
	}
	whole.Rcode, whole.EDE = wire.Rcode(m.Rcode), ExtendedError(m)
	return whole, nil
}

// OutcomeOf returns what a reply of another server means for a question. An rcode
// of EDNS is about that server and us, and for the client a failure.
func OutcomeOf(m *wire.Message, q *Query) Outcome {
	switch {
	case m.Rcode == wire.NXDomain:
		return NameError
	case m.Rcode == wire.ServFail, m.Rcode > 0xf:
		return ServFail
	case m.Rcode == wire.Refused:
		return Refused
	case m.Rcode != wire.NoError:
		return Coded
	}
	o := NoData
	m.Each(func(rr wire.MessageRR) bool {
		switch {
		case rr.Section != wire.Answer:
			return false
		case rr.Type == q.Type, q.Type == wire.TypeANY:
			o = Answered
			return false
		}
		return true
	})
	return o
}

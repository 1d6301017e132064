package resolver

import (
	"context"
	"net/netip"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Transport says how a query came.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	transports // how many there are
)

// String returns the transport as logs and metrics spell it.
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// Query is a view of a received packet and how it came. It is valid while it is
// served, and belongs to the goroutine that serves it.
type Query struct {
	wire.Query
	Client    netip.AddrPort
	Local     netip.AddrPort // the address that the packet was sent to, as far as known
	Transport Transport
	Received  time.Time
	// Shard is a small number that those who serve at the same time do not share,
	// for counters that they would contend for.
	Shard uint32
	// Trusted: the client showed a valid cookie, so that its address is its own.
	Trusted bool
	// Turn is random, to turn address sets by.
	Turn uint32
	// Context ends when nobody waits for the reply any more. It is nil where the
	// query is served by a goroutine that others wait for: a handler that would
	// have to wait (for another server, say) must not, and says Later.
	Context context.Context
	// Head is what the query was given to first, for questions of our own on the
	// way to the answer (see Ask).
	Head Handler
	// Depth is 0 for a client's query, and one more than its query's for one that
	// a handler asks. Those are neither counted nor logged.
	Depth uint8
	// Labels are what handlers tell of the query, by "handler/name", where a
	// server block has metadata; else nil. See Note.
	Labels map[string]string
}

// MayWait reports whether a handler may wait for something.
func (q *Query) MayWait() bool { return q.Context != nil }

// BufSize returns how long a reply the client takes: over UDP what it says, or 512
// octets (RFC 6891 section 6.2.3); over other transports there is only the bound
// of a message.
func (q *Query) BufSize() uint16 {
	switch {
	case q.Transport != UDP:
		return wire.MaxTCP
	case q.HasEDNS:
		return max(q.UDPSize, wire.MinUDP)
	}
	return wire.MinUDP
}

// Note tells something of the query, if anybody wants to know.
func (q *Query) Note(label, value string) {
	if q.Labels != nil {
		q.Labels[label] = value
	}
}

// Reply is the reply to a Query being appended to.
type Reply struct {
	wire.Reply
	// Handler is the name of the handler that answered.
	Handler string
	// Err is why the Outcome is ServFail, for the log.
	Err error
	// Relayed is the message, as another server gave it, that the reply was made
	// from: what a cache may keep. Nil for what is our own.
	Relayed *wire.Message
}

// Outcome says what a query got. The rcode, AA and the log's class follow from it.
type Outcome uint8

// The outcomes.
const (
	// Answered: NOERROR with what was asked.
	Answered Outcome = iota
	// NoData: NOERROR without it (RFC 2308 section 2.2).
	NoData
	// NameError: NXDOMAIN.
	NameError
	// Refused: none of our business.
	Refused
	// ServFail: it can't be told now.
	ServFail
	// Rejected: the packet is at fault; the rcode is the one that parsing gave.
	Rejected
	// Dropped: no reply is sent.
	Dropped
	// Coded: an rcode that no other outcome means, as the handler has set it.
	Coded
	// Later: the handler would have to wait, and the query has no Context. It is
	// served again with one, from the beginning: what was done must have had no
	// effect.
	Later
	// Elsewhere: the query is in a zone of the server block, but the block is not
	// for it. Nothing was done, and it goes on to the next block (see Mux).
	Elsewhere
)

// Rcode returns the rcode of r that o means; FORMERR and the like are in the
// packet's own verdict, and Rejected has none here.
func (o Outcome) Rcode(r *Reply) wire.Rcode {
	switch o {
	case Coded:
		return r.Reply.Rcode()
	case NameError:
		return wire.NXDomain
	case Refused, Elsewhere: // without a Mux there is no other block
		return wire.Refused
	case ServFail:
		return wire.ServFail
	}
	return wire.NoError
}

// Handler serves queries. It appends records to r and says what they are, or
// passes both on to the next handler and may look at what that did. It must
// have cleared what it appended (Reply.Clear) before it passes on. Handlers are
// called concurrently, each call with a q and r of its own, which must not be
// kept. One that looks at what the next did leaves Later alone.
type Handler interface {
	Serve(q *Query, r *Reply) Outcome
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(q *Query, r *Reply) Outcome

// Serve calls f.
func (f HandlerFunc) Serve(q *Query, r *Reply) Outcome { return f(q, r) }

// Refuse is the end of every chain: what no handler has an answer for is
// REFUSED, with an Extended DNS Error that says whether the name or the class is
// none of ours (RFC 8914 sections 4.21 and 4.22).
type Refuse struct{}

// Serve refuses.
func (Refuse) Serve(q *Query, r *Reply) Outcome {
	if q.Class == wire.ClassIN {
		r.SetEDE(wire.NotOurs, "")
	} else {
		r.SetEDE(wire.NotSupported, "")
	}
	return Refused
}

package resolver

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
)

// Responder turns packets into replies. The zero value is not usable: Handler
// must be set. It is safe for concurrent use.
type Responder struct {
	Handler Handler
	// Cookies makes and checks DNS cookies (RFC 7873); nil ignores them.
	Cookies *cookies.Jar
	// IdleTimeout is what clients that ask are told of their connection (RFC
	// 7828), at most 6553 s; 0 tells nothing.
	IdleTimeout time.Duration
	// Warm, if set, is given the names of questions that are about to be answered,
	// in lower-case wire form, to get ready for all of them what takes long for
	// one after the other.
	Warm func(names [][]byte)
	// Rejected is told of packets that are answered without a handler, or
	// dropped. May be nil.
	Rejected func(q *Query, r *Reply, o Outcome, size int)
	// Panicked is told of a handler's panic. May be nil.
	Panicked func(q *Query, reason any)
}

// Exchange is the memory that a query and its reply need. A transport keeps one
// for each goroutine and uses it for one packet after the other.
type Exchange struct {
	Query Query
	Reply Reply

	verdict wire.Verdict // of the packet that was accepted
	later   bool
}

// Later reports whether the last packet was left without a reply as it takes
// long: it is to be given to Respond again, with the Query's Context set, by a
// goroutine that nobody waits for.
func (x *Exchange) Later() bool { return x.later }

// Respond appends the reply to packet to dst and returns the extended dst; an
// unchanged dst means that no reply is to be sent. x.Query's Client, Local,
// Transport, Received, and Context or nil must be set. packet must not change
// meanwhile.
func (s *Responder) Respond(x *Exchange, packet, dst []byte) []byte {
	s.Accept(x, packet)
	return s.Answer(x, dst)
}

// Accept is the first half of Respond: it reads packet, which must not change
// until Answer has returned.
func (s *Responder) Accept(x *Exchange, packet []byte) {
	x.verdict = wire.Drop // should Parse panic
	defer s.caught(&x.Query)
	x.verdict = x.Query.Parse(packet)
}

// Prepare gets ready for questions that were accepted and are answered next; it
// is for several of them. names are theirs, in lower-case wire form.
func (s *Responder) Prepare(names [][]byte) {
	if s.Warm != nil && len(names) > 1 {
		defer s.caught(nil)
		s.Warm(names)
	}
}

// caught, deferred, makes of a panic something that is told of; q is nil if it was
// over several questions.
func (s *Responder) caught(q *Query) {
	if reason := recover(); reason != nil && s.Panicked != nil {
		if q == nil {
			q = new(Query)
		}
		s.Panicked(q, reason)
	}
}

// Answer is the second half of Respond.
func (s *Responder) Answer(x *Exchange, dst []byte) []byte {
	q, r := &x.Query, &x.Reply
	x.later = false
	if x.verdict == wire.Drop {
		s.reject(x, Dropped, 0)
		return dst
	}
	q.Turn, q.Trusted, q.Head, q.Labels = rand.Uint32(), false, s.Handler, nil
	r.Handler, r.Err, r.Rotate, r.Relayed = "", nil, 0, nil
	r.Start(&q.Query, dst, q.Transport != UDP)
	if q.HasEDNS {
		s.setOptions(q, r)
	}
	if x.verdict == wire.Accept && q.BadKeepalive && q.Transport != UDP {
		x.verdict, q.Reject = wire.Reject, wire.FormErr
	}
	if x.verdict == wire.Reject {
		r.SetRcode(q.Reject)
		out := r.Finish()
		s.reject(x, Rejected, len(out)-len(dst))
		return out
	}
	switch s.serve(x) {
	case Dropped:
		return dst
	case Later:
		x.later = true
		return dst
	}
	return r.Finish()
}

// setOptions answers the options that are of the transport, and of no handler.
func (s *Responder) setOptions(q *Query, r *Reply) {
	if len(q.Cookie) > 0 && s.Cookies != nil {
		q.Trusted = s.Cookies.Valid(q.Cookie, q.Client.Addr(), q.Received)
		var buf [cookies.Len]byte
		r.SetCookie(s.Cookies.Make(buf[:0], q.Cookie[:wire.ClientCookieLen], q.Client.Addr(), q.Received))
	}
	if q.WantsKeepalive && q.Transport != UDP && s.IdleTimeout > 0 {
		r.SetKeepalive(uint16(min(s.IdleTimeout/(100*time.Millisecond), math.MaxUint16)))
	}
}

func (s *Responder) reject(x *Exchange, o Outcome, size int) {
	if s.Rejected != nil {
		s.Rejected(&x.Query, &x.Reply, o, size)
	}
}

// serve asks the handler, and gives the reply the rcode that the outcome means.
// A panic ends the query, and not the process.
func (s *Responder) serve(x *Exchange) (o Outcome) {
	defer func() {
		if reason := recover(); reason != nil {
			o = ServFail
			x.Reply.Clear()
			x.Reply.Authoritative = false
			x.Reply.SetRcode(o.Rcode(&x.Reply))
			if s.Panicked != nil {
				s.Panicked(&x.Query, reason)
			}
		}
	}()
	o = s.Handler.Serve(&x.Query, &x.Reply)
	if o == Later && x.Query.MayWait() {
		panic("a handler says Later of a query that may wait")
	}
	x.Reply.SetRcode(o.Rcode(&x.Reply))
	return o
}

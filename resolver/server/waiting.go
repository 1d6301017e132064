package server

import (
	"errors"
	"net"
	"net/netip"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// route is the way back to a client over UDP.
type route struct {
	outbox  *outbox
	to      netip.AddrPort // with its zone, where it is of a link
	raw     []byte         // in the place of to, as the kernel has it, for batches
	control []byte         // which address was asked
}

// waiting is a query over UDP whose reply takes long: a copy of what the reader
// had, which goes on to read others.
type waiting struct {
	exchange resolver.Exchange
	route    route
	packet   []byte
	reply    []byte
	answer   func() // the Server's answerWaiting
}

// mostIdle is how many goroutines a Server keeps for queries that take long.
const mostIdle = 256

// wait has a query that is to be answered later served by another goroutine,
// unless there are too many. The caller is a reader, so that Shutdown waits for
// what it begins here.
func (s *Server) wait(q *resolver.Query, packet []byte, back route) {
	if s.waiting.Add(1) > int64(s.config.MaxWaiting) {
		s.waiting.Add(-1)
		s.limited(TooManyWaiting)
		return // as if it had been lost: the client asks again
	}
	w, ok := s.waitings.Get().(*waiting)
	if !ok {
		w = new(waiting)
		w.answer = func() { s.answerWaiting(w) }
	}
	w.packet = append(w.packet[:0], packet...)
	back.raw = append(w.route.raw[:0], back.raw...)
	back.control = append(w.route.control[:0], back.control...)
	w.route = back
	again(&w.exchange.Query, q)
	w.exchange.Query.Context = s.context
	s.done.Add(1)
	s.workers.Go(w.answer)
}

// answerWaiting serves a query that may wait, and has its reply sent.
func (s *Server) answerWaiting(w *waiting) {
	w.reply = s.responder.Load().Respond(&w.exchange, w.packet, w.reply[:0])
	if len(w.reply) > 0 {
		w.route.outbox.send(w)
	} else {
		s.waited(w)
	}
}

// waited ends the wait of a query whose reply was sent, if there is one.
func (s *Server) waited(w *waiting) {
	if cap(w.reply) > wire.UDPBuffer {
		w.reply = nil
	}
	w.exchange.Reply = resolver.Reply{} // what it points to is not kept
	s.waitings.Put(w)
	s.waiting.Add(-1)
	s.done.Done()
}

// newOutbox returns where replies leave by c, one by one.
func (s *Server) newOutbox(c *net.UDPConn) *outbox {
	return &outbox{sent: s.waited, write: func(all []*waiting) {
		for _, w := range all {
			_, _, err := c.WriteMsgUDPAddrPort(w.reply, w.route.control, w.route.to)
			if err != nil && !errors.Is(err, net.ErrClosed) {
				s.config.Logger.Debug("writing UDP", "to", w.route.to, "err", err)
			}
		}
	}}
}

// again makes q the query that from was when it came, to be served anew.
func again(q, from *resolver.Query) {
	q.Client, q.Local, q.Transport = from.Client, from.Local, from.Transport
	q.Received, q.Shard = from.Received, from.Shard
}

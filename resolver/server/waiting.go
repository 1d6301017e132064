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
	socket  *net.UDPConn
	to      netip.AddrPort // with its zone, where it is of a link
	control []byte         // which address was asked
}

// waiting is a query over UDP whose reply takes long: a copy of what the reader
// had, which goes on to read others.
type waiting struct {
	exchange resolver.Exchange
	route    route
	packet   []byte
	reply    []byte
}

// wait has a query that is to be answered later served by a goroutine of its own,
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
	}
	w.packet = append(w.packet[:0], packet...)
	back.control = append(w.route.control[:0], back.control...)
	w.route = back
	again(&w.exchange.Query, q)
	w.exchange.Query.Context = s.context
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		defer s.waiting.Add(-1)
		s.answerWaiting(w)
	}()
}

// answerWaiting serves a query that may wait, and sends its reply.
func (s *Server) answerWaiting(w *waiting) {
	out := s.responder.Load().Respond(&w.exchange, w.packet, w.reply[:0])
	if len(out) > 0 {
		_, _, err := w.route.socket.WriteMsgUDPAddrPort(out, w.route.control, w.route.to)
		if err != nil && !errors.Is(err, net.ErrClosed) {
			s.config.Logger.Debug("writing UDP", "to", w.route.to, "err", err)
		}
		if cap(out) <= wire.UDPBuffer {
			w.reply = out
		}
	}
	w.exchange.Reply = resolver.Reply{} // what it points to is not kept
	s.waitings.Put(w)
}

// again makes q the query that from was when it came, to be served anew.
func again(q, from *resolver.Query) {
	q.Client, q.Local, q.Transport = from.Client, from.Local, from.Transport
	q.Received, q.Shard = from.Received, from.Shard
}

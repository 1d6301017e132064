package server

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// waiting is a query over UDP whose reply takes long: a copy of what the reader
// had, which goes on to read others.
type waiting struct {
	exchange resolver.Exchange
	packet   []byte
	control  []byte // which address was asked
	reply    []byte
}

// wait has a query that is to be answered later served by a goroutine of its own,
// unless there are too many.
func (s *Server) wait(q *resolver.Query, socket *net.UDPConn, packet, control []byte) {
	if s.waiting.Add(1) > int64(s.config.MaxWaiting) {
		s.waiting.Add(-1)
		s.limited(TooManyWaiting)
		return // as if it had been lost: the client asks again
	}
	w, ok := s.waitings.Get().(*waiting)
	if !ok {
		w = new(waiting)
	}
	w.packet, w.control = append(w.packet[:0], packet...), append(w.control[:0], control...)
	wq := &w.exchange.Query
	wq.Client, wq.Local, wq.Transport, wq.Received, wq.Shard = q.Client, q.Local, q.Transport, q.Received, q.Shard
	wq.Context = s.context
	s.done.Add(1)
	go func() {
		defer s.done.Done()
		defer s.waiting.Add(-1)
		out := s.responder.Load().Respond(&w.exchange, w.packet, w.reply[:0])
		if len(out) > 0 {
			if _, _, err := socket.WriteMsgUDPAddrPort(out, w.control, wq.Client); err != nil && !errors.Is(err, net.ErrClosed) {
				s.config.Logger.Debug("writing UDP", "to", wq.Client, "err", err)
			}
			if cap(out) <= wire.UDPBuffer {
				w.reply = out
			}
		}
		s.waitings.Put(w)
	}()
}

// A Limit is a bound that a Server holds.
type Limit string

// The limits of a Server.
const (
	TooManyConns      Limit = "connections"            // Config.MaxConns
	TooManyFromSource Limit = "connections_per_source" // Config.MaxConnsPerSource
	TooManyWaiting    Limit = "waiting"                // Config.MaxWaiting
)

func (s *Server) limited(l Limit) {
	if s.config.Limited != nil {
		s.config.Limited(l)
	}
}

// pipeline is a connection's queries that take long: they are answered when they
// can be, and others before them (RFC 7766 section 6.2.1.1).
type pipeline struct {
	server *Server
	conn   net.Conn
	ctx    context.Context // ends with the connection
	slots  chan struct{}   // one for each that is under way

	mu   sync.Mutex // held while replies are written
	done sync.WaitGroup
}

func (s *Server) newPipeline(ctx context.Context, c net.Conn) *pipeline {
	return &pipeline{server: s, conn: c, ctx: ctx, slots: make(chan struct{}, s.config.MaxPerConn)}
}

// wait has a query served by a goroutine of its own. It waits itself while there
// are too many, and so nothing more is read from the client.
func (p *pipeline) wait(q *resolver.Query, packet []byte) {
	p.slots <- struct{}{}
	x := new(resolver.Exchange)
	x.Query.Client, x.Query.Local, x.Query.Transport = q.Client, q.Local, q.Transport
	x.Query.Received, x.Query.Shard, x.Query.Context = q.Received, q.Shard, p.ctx
	packet = append([]byte(nil), packet...)
	p.done.Go(func() {
		defer func() { <-p.slots }()
		if out := frame(p.server.responder.Load(), x, packet, nil); len(out) > 0 && !p.write(out) {
			p.conn.Close() // what reads from it ends then
		}
	})
}

// busy reports whether queries are under way.
func (p *pipeline) busy() bool { return len(p.slots) > 0 }

// write writes replies.
func (p *pipeline) write(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn.SetWriteDeadline(time.Now().Add(p.server.config.WriteTimeout)) != nil {
		return false
	}
	_, err := p.conn.Write(b)
	return err == nil
}

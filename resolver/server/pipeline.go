package server

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/rollcall-dns/rollcall/resolver"
)

// pipeline is where a connection's replies leave, and its queries that take
// long: they are answered when they can be, and others before them (RFC 7766
// section 6.2.1.1). One goroutine reads from the connection and gives it queries.
type pipeline struct {
	server *Server
	conn   net.Conn     // what is written to, by TLS or not
	tcp    *net.TCPConn // beneath it
	from   source
	slots  chan struct{}
	done   sync.WaitGroup // queries under way

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	mu   sync.Mutex // held while replies are written
	last time.Time  // when they last were; guarded by mu
}

func (s *Server) newPipeline(tcp *net.TCPConn) *pipeline {
	p := &pipeline{server: s, conn: tcp, tcp: tcp, from: sourceOf(tcp), slots: make(chan struct{}, s.config.MaxPerConn)}
	p.ctx, p.cancel = context.WithCancel(s.context)
	return p
}

// tryTake takes a place for a query that takes long, of the connection's and of
// the Server's, if there is one of each.
func (p *pipeline) tryTake() bool {
	select {
	case p.slots <- struct{}{}:
	default:
		p.server.limited(TooManyOfConn)
		return false
	}
	if refused := p.server.places.tryTake(p.from); refused != "" {
		<-p.slots
		p.server.limited(refused)
		return false
	}
	return true
}

// take waits for such a place, and so nothing more is read from the client. It
// reports false if the connection ends first.
func (p *pipeline) take() bool {
	select {
	case p.slots <- struct{}{}:
	case <-p.ctx.Done():
		return false
	}
	if !p.server.places.take(p.ctx, p.from) {
		<-p.slots
		return false
	}
	return true
}

// wait has a query served by another goroutine, for which a place is taken.
// The place is given back when the reply is written, as until then there is
// memory behind it.
func (p *pipeline) wait(q *resolver.Query, packet []byte) {
	x := new(resolver.Exchange)
	again(&x.Query, q)
	x.Query.Context = p.ctx
	packet = append([]byte(nil), packet...)
	p.done.Add(1)
	p.server.workers.Go(func() {
		defer func() {
			p.server.places.giveBack(p.from)
			<-p.slots
			p.done.Done()
		}()
		if out := frame(p.server.responder.Load(), x, packet, nil); len(out) > 0 {
			p.write(out)
		}
	})
}

// left returns for how long the connection may still idle: the time is from when
// the last query was answered (RFC 7766 section 6.2.3), and has not begun while
// one is under way.
func (p *pipeline) left() time.Duration {
	if len(p.slots) > 0 {
		return p.server.config.IdleTimeout
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server.config.IdleTimeout - time.Since(p.last)
}

// write writes replies. It reports false if the client does not take them: the
// connection is closed then, and its other queries need no answer.
func (p *pipeline) write(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	if p.conn.SetWriteDeadline(time.Now().Add(p.server.config.WriteTimeout)) == nil {
		if _, err := p.conn.Write(b); err == nil {
			p.last = time.Now()
			return true
		}
	}
	p.abort()
	return false
}

// abort ends the connection at once. What reads from it ends too, and the kernel
// keeps nothing that was not sent.
func (p *pipeline) abort() {
	p.cancel()
	_ = p.tcp.SetLinger(0)
	p.tcp.Close()
}

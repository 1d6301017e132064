package server

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/rollcall-dns/rollcall/resolver"
)

const (
	// keptReplies is how much memory for replies a connection keeps.
	keptReplies = 16 << 10
	// flushAt is how much of replies is gathered before it is written.
	flushAt = 32 << 10
)

// accept takes in connections until the listener is closed.
func (s *Server) accept() {
	delay := time.Duration(0)
	for {
		c, err := s.tcp.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || s.isClosing() {
				return
			}
			// Out of descriptors, most likely: let some be closed.
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.config.Logger.Warn("accepting TCP", "err", err, "retry", delay)
			time.Sleep(delay)
			continue
		}
		delay = 0
		if !s.admit(c) {
			c.Close()
			continue
		}
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			defer s.release(c)
			s.serveConn(c)
		}()
	}
}

// admit counts a connection in, unless there are too many.
func (s *Server) admit(c *net.TCPConn) bool {
	from := sourceOf(c)
	limit, ok := s.countIn(c, from)
	if limit != "" {
		s.limited(limit)
	}
	return ok
}

// sourceOf returns whose connection it is.
func sourceOf(c *net.TCPConn) source { return plain(c.RemoteAddr().(*net.TCPAddr).AddrPort()).Addr() }

// countIn is admit under the lock: it returns the limit that refuses c, if one
// does.
func (s *Server) countIn(c *net.TCPConn, from source) (Limit, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "", false
	case len(s.conns) >= s.config.MaxConns:
		return TooManyConns, false
	case s.bySrc[from] >= s.config.MaxConnsPerSource:
		return TooManyFromSource, false
	}
	if s.closing {
		// It waited to be taken in: it has its time, and those behind it too.
		soon := time.Now().Add(drainTime)
		_, _ = c.SetReadDeadline(soon), s.tcp.SetDeadline(soon)
	}
	s.conns[c] = from
	s.bySrc[from]++
	return "", true
}

// release closes a connection and counts it out.
func (s *Server) release(c *net.TCPConn) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.conns[c]
	delete(s.conns, c)
	if s.bySrc[from]--; s.bySrc[from] == 0 {
		delete(s.bySrc, from)
	}
}

// setReadDeadline sets how long reads may take from now. While the Server shuts
// down, deadlines are its own. Of a closed connection, the next read tells.
func (s *Server) setReadDeadline(c net.Conn, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		_ = c.SetReadDeadline(time.Now().Add(d))
	}
}

// serveConn answers a connection's messages until the client has no more, or is
// too slow.
func (s *Server) serveConn(tcp *net.TCPConn) {
	p := s.newPipeline(tcp)
	defer p.cancel()
	if s.config.TLS != nil {
		secure := tls.Server(tcp, s.config.TLS)
		s.setReadDeadline(tcp, s.config.ReadTimeout)
		_ = tcp.SetWriteDeadline(time.Now().Add(s.config.ReadTimeout))
		if secure.HandshakeContext(p.ctx) != nil {
			return // the client's affair
		}
		defer secure.Close() // with its alert, unless the connection is closed by then
		p.conn = secure
	}
	if !s.readConn(p) {
		p.abort()
	}
	p.done.Wait() // a half-closed connection has its replies
}

// readConn answers messages: those that arrived together by one write (RFC 7766
// section 8), in order but for those that take long. It reports whether replies
// that are still to come are to be sent.
func (s *Server) readConn(p *pipeline) bool {
	var x resolver.Exchange
	x.Query.Transport, x.Query.Shard = resolver.TCP, s.served.Add(1)
	x.Query.Client = plain(p.tcp.RemoteAddr().(*net.TCPAddr).AddrPort())
	x.Query.Local = plain(p.tcp.LocalAddr().(*net.TCPAddr).AddrPort())
	var (
		in   inbox
		out  []byte
		idle = s.config.IdleTimeout
	)
	for {
		if !in.begun() {
			s.setReadDeadline(p.conn, idle)
		}
		begun := in.begun()
		n, err := in.read(p.conn)
		if n == 0 && !begun && errors.Is(err, os.ErrDeadlineExceeded) && !s.isClosing() {
			if idle = p.left(); idle > 0 {
				continue // it waited for us
			}
		}
		idle = s.config.IdleTimeout
		answered, ok := 0, false
		if answered, out, ok = s.answerAll(p, &x, &in, out[:0]); !ok {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded)
		}
		if in.begun() && (!begun || answered > 0) {
			s.setReadDeadline(p.conn, s.config.ReadTimeout) // what is left begins a message
		}
		if cap(out) > keptReplies {
			out = nil // a connection keeps little memory while it waits
		}
	}
}

// answerAll answers the messages in in, and returns how many there were. It
// reports false if the client does not take its replies.
func (s *Server) answerAll(p *pipeline, x *resolver.Exchange, in *inbox, out []byte) (answered int, _ []byte, ok bool) {
	for ; ; answered++ {
		packet, ok := in.next()
		if !ok {
			break
		}
		x.Query.Received = time.Now()
		out = frame(s.responder.Load(), x, packet, out)
		later := x.Later()
		taken := later && p.tryTake()
		// What is ready does not wait for a place in the pipeline.
		if len(out) >= flushAt || later && !taken && len(out) > 0 {
			if !p.write(out) {
				return answered, out, false
			}
			out = out[:0]
		}
		if later && !taken && !p.take() {
			return answered, out, false
		}
		if later {
			p.wait(&x.Query, packet)
		}
	}
	return answered, out, len(out) == 0 || p.write(out)
}

// frame appends the reply to packet, if any, with its length before it.
func frame(r *resolver.Responder, x *resolver.Exchange, packet, out []byte) []byte {
	at := len(out)
	out = append(out, 0, 0)
	out = r.Respond(x, packet, out)
	size := len(out) - at - lengthPrefix
	if size == 0 {
		return out[:at]
	}
	binary.BigEndian.PutUint16(out[at:], uint16(size))
	return out
}

package server

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

const (
	lengthPrefix = 2 // RFC 1035 section 4.2.2
	// readBuffer holds some pipelined queries; a longer message makes it grow.
	readBuffer = 4096
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
	from := plain(c.RemoteAddr().(*net.TCPAddr).AddrPort()).Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case len(s.conns) >= s.config.MaxConns:
		s.limited(TooManyConns)
		return false
	case s.bySrc[from] >= s.config.MaxConnsPerSource:
		s.limited(TooManyFromSource)
		return false
	}
	if s.closing {
		// It waited to be taken in: it has its time, and those behind it too.
		soon := time.Now().Add(drainTime)
		_, _ = c.SetReadDeadline(soon), s.tcp.SetDeadline(soon)
	}
	s.conns[c] = from
	s.bySrc[from]++
	return true
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
	ctx, cancel := context.WithCancel(s.context)
	defer cancel()
	c := net.Conn(tcp)
	if s.config.TLS != nil {
		secure := tls.Server(tcp, s.config.TLS)
		defer secure.Close()
		s.setReadDeadline(tcp, s.config.ReadTimeout)
		if secure.HandshakeContext(ctx) != nil {
			return // the client's affair
		}
		c = secure
	}
	p := s.newPipeline(ctx, c)
	if !s.readConn(c, p, tcp) {
		cancel()
	}
	p.done.Wait() // a half-closed connection has its replies
}

// readConn answers messages: those that arrived together by one write (RFC 7766
// section 8), in order but for those that take long. It reports false if nobody
// takes replies any more.
func (s *Server) readConn(c net.Conn, p *pipeline, tcp *net.TCPConn) bool {
	var x resolver.Exchange
	x.Query.Transport, x.Query.Shard = resolver.TCP, s.served.Add(1)
	x.Query.Client = plain(tcp.RemoteAddr().(*net.TCPAddr).AddrPort())
	x.Query.Local = plain(tcp.LocalAddr().(*net.TCPAddr).AddrPort())
	in := make([]byte, 0, readBuffer)
	var out []byte
	for {
		if len(in) == 0 {
			s.setReadDeadline(c, s.config.IdleTimeout)
		}
		begun := len(in)
		n, err := c.Read(in[begun:cap(in)])
		if n == 0 && begun == 0 && errors.Is(err, os.ErrDeadlineExceeded) && p.busy() && !s.isClosing() {
			continue // it waits for us
		}
		arrived := begun + n
		var ok bool
		in, out, ok = s.answerAll(p, &x, in[:arrived], out[:0])
		if !ok {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) || s.isClosing()
		}
		if len(in) > 0 && (begun == 0 || len(in) < arrived) {
			s.setReadDeadline(c, s.config.ReadTimeout) // what is left begins a message
		}
		// A connection keeps little memory while it waits.
		if len(in) < readBuffer && cap(in) > readBuffer {
			in = append(make([]byte, 0, readBuffer), in...)
		}
		if cap(out) > keptReplies {
			out = nil
		}
		if len(in) == cap(in) {
			in = append(in, make([]byte, lengthPrefix+wire.MaxTCP-cap(in))...)[:len(in)]
		}
	}
}

// answerAll answers the whole messages in in, and returns what is left of it.
// It reports false if the client does not take its replies.
func (s *Server) answerAll(p *pipeline, x *resolver.Exchange, in, out []byte) (left, _ []byte, ok bool) {
	rest := in
	for len(rest) >= lengthPrefix {
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < lengthPrefix+n {
			break
		}
		packet := rest[lengthPrefix : lengthPrefix+n]
		x.Query.Received = time.Now()
		out = frame(s.responder.Load(), x, packet, out)
		if x.Later() {
			// What is ready does not wait for a place in the pipeline.
			if len(out) > 0 && !p.write(out) {
				return nil, out, false
			}
			out = out[:0]
			p.wait(&x.Query, packet)
		}
		rest = rest[lengthPrefix+n:]
		if len(out) >= flushAt {
			if !p.write(out) {
				return nil, out, false
			}
			out = out[:0]
		}
	}
	if len(out) > 0 && !p.write(out) {
		return nil, out, false
	}
	return in[:copy(in, rest)], out, true
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

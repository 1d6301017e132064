package server

import (
	"encoding/binary"
	"errors"
	"net"
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
	if s.closed || len(s.conns) >= s.config.MaxConns || s.bySrc[from] >= s.config.MaxConnsPerSource {
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
func (s *Server) setReadDeadline(c *net.TCPConn, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		_ = c.SetReadDeadline(time.Now().Add(d))
	}
}

// serveConn answers a connection's messages in order, those that arrived
// together by one write (RFC 7766 section 8), until the client has no more, or
// is too slow.
func (s *Server) serveConn(c *net.TCPConn) {
	var x resolver.Exchange
	x.Query.Transport, x.Query.Shard = resolver.TCP, s.served.Add(1)
	x.Query.Client = plain(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	x.Query.Local = plain(c.LocalAddr().(*net.TCPAddr).AddrPort())
	in := make([]byte, 0, readBuffer)
	var out []byte
	for {
		if len(in) == 0 {
			s.setReadDeadline(c, s.config.IdleTimeout)
		}
		begun := len(in)
		n, err := c.Read(in[begun:cap(in)])
		arrived := begun + n
		var ok bool
		in, out, ok = s.answerAll(c, &x, in[:arrived], out[:0])
		if !ok || err != nil {
			return // a half-closed connection has had its replies
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
func (s *Server) answerAll(c *net.TCPConn, x *resolver.Exchange, in, out []byte) (left, _ []byte, ok bool) {
	rest := in
	for len(rest) >= lengthPrefix {
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < lengthPrefix+n {
			break
		}
		x.Query.Received = time.Now()
		at := len(out)
		out = append(out, 0, 0)
		out = s.config.Responder.Respond(x, rest[lengthPrefix:lengthPrefix+n], out)
		if size := len(out) - at - lengthPrefix; size > 0 {
			binary.BigEndian.PutUint16(out[at:], uint16(size))
		} else {
			out = out[:at]
		}
		rest = rest[lengthPrefix+n:]
		if len(out) >= flushAt {
			if !s.write(c, out) {
				return nil, out, false
			}
			out = out[:0]
		}
	}
	if len(out) > 0 && !s.write(c, out) {
		return nil, out, false
	}
	return in[:copy(in, rest)], out, true
}

func (s *Server) write(c *net.TCPConn, b []byte) bool {
	if c.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout)) != nil {
		return false
	}
	_, err := c.Write(b)
	return err == nil
}

package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// How far the rows go to find a limit.
const (
	// manyConns is more connections from one address than a server should
	// hold at once by its defaults, or by what the peers are told.
	manyConns = 400
	// muchUnread is how much a client that reads nothing may get rid of: what
	// the kernels at both ends hold in their buffers, and some.
	muchUnread = 64 << 20
)

// limitRows are about connections that cost more than they should. They come
// last, and alone, since they may take what others need.
func limitRows(server) []row {
	return []row{
		{number: 70, title: "connections are bounded, UDP goes on, and room comes back", reason: "RFC 7766 section 10; RFC 9210 section 4.2", over: tcp, slow: true, alone: true,
			talk: crowd},
		{number: 71, title: "who reads no replies is not read from for ever", reason: "RFC 7766 section 6.2.1.1", over: tcp, slow: true,
			talk: func(ctx context.Context, s server, tcp bool) error {
				c, err := s.dial(ctx, tcp)
				if err != nil {
					return err
				}
				defer c.Close()
				return c.unread(s)
			}},
		{number: 71, title: "and its connection is ended", reason: "RFC 9210 section 4.4", over: tcp, slow: true,
			talk: neverReads},
	}
}

// crowd opens connections, asks on each, and wants that not all are served at
// once; that UDP is answered all the while; and TCP again when they are gone.
func crowd(ctx context.Context, s server, tcp bool) error {
	var conns []conn
	closeAll := func() {
		for _, c := range conns {
			c.Close()
		}
		conns = nil
	}
	defer closeAll()
	for range manyConns {
		c, err := s.dial(ctx, tcp)
		if err != nil {
			break // refused: that is a bound
		}
		conns = append(conns, c)
		if err := c.send(tag(s.alive())); err != nil {
			break
		}
	}
	// All have been sent; who is served has its reply by now or very soon.
	served := 0
	for i, c := range conns {
		wait := quietTime
		if i == 0 {
			wait = replyTime
		}
		if _, err := c.receive(wait); err == nil {
			served++
		}
		if i == len(conns)/2 {
			if _, err := s.exchange(ctx, false, s.alive()); err != nil {
				return fmt.Errorf("over UDP meanwhile: %w", err)
			}
		}
	}
	if served == 0 {
		return errors.New("no connection was served")
	}
	closeAll()
	// The server may need a moment to see that they are gone.
	deadline := time.Now().Add(patience)
	for {
		_, err := s.exchange(ctx, true, s.alive())
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after all were closed: %w", err)
		}
		select {
		case <-time.After(quietTime):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if served == manyConns {
		return fmt.Errorf("all %d were served at once", manyConns)
	}
	return nil
}

// errStuck is that the server reads no more.
var errStuck = errors.New("stuck")

// push writes queries with large answers, without reading any, until the server
// has taken nothing for wait (errStuck), or ends the connection, or has taken
// more than muchUnread. It gives up after patience, with errStuck too: what a
// server takes by drops is bounded as well.
func (c conn) push(s server, wait time.Duration) error {
	var stream []byte
	for range 100 {
		stream = append(stream, prefixed(tag(query(ask(s.n("_sql._tcp.huge.conformance.svc"), dns.TypeSRV), edns(1232))))...)
	}
	last := time.Now().Add(patience)
	for sent := 0; sent < muchUnread; {
		until := time.Now().Add(wait)
		if until.After(last) {
			until = last
		}
		if err := c.SetWriteDeadline(until); err != nil {
			return err
		}
		n, err := c.Write(stream)
		sent += n
		if errors.Is(cause(err), errSilence) && (n == 0 || until.Equal(last)) {
			return errStuck
		}
		if err != nil && !errors.Is(cause(err), errSilence) {
			return cause(err)
		}
		stream = append(stream[n:], stream[:n]...) // whole messages go on where they stopped
	}
	return nil
}

// unread wants the server to stop reading, or to end the connection.
func (c conn) unread(s server) error {
	if err := c.push(s, time.Second); err == nil {
		return fmt.Errorf("%d MiB of queries were taken", muchUnread>>20)
	}
	return nil
}

// neverReads wants the connection to be ended: until then writing waits, and
// afterwards it fails.
func neverReads(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	switch err := c.push(s, patience); {
	case errors.Is(err, errStuck):
		return fmt.Errorf("still open after %v", patience)
	case err == nil:
		return fmt.Errorf("%d MiB of queries were taken", muchUnread>>20)
	}
	return nil
}

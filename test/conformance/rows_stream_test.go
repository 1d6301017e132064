package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// streamRows are about messages on a TCP connection (RFC 7766), and its keepalive
// option (RFC 7828).
func streamRows(s server) []row {
	soa := ask(s.zone, dns.TypeSOA)
	keepalive := func(data ...byte) []byte { return query(soa, edns(1232, option(optKeepalive, data...))) }
	return []row{
		{number: 65, title: "two queries in one segment are both answered", reason: "RFC 7766 section 6.2.1.1", over: tcp,
			talk: pipeline(2)},
		{number: 65, title: "so are twenty-five", reason: "RFC 7766 section 6.2.1.1", over: tcp,
			talk: pipeline(25)},
		{number: 66, title: "a query that comes octet by octet is answered", reason: "RFC 7766 section 8", over: tcp,
			talk: octetByOctet},
		{number: 66, title: "a reply and its length come in one segment", reason: "RFC 7766 section 8", over: tcp,
			talk: oneSegment},
		{number: 67, title: "who has no more to send still gets the reply", reason: "RFC 9293 section 3.6", over: tcp,
			talk: halfClose},
		{number: 68, title: "a connection without a query is ended, in an orderly way", reason: "RFC 7766 section 6.2.3; RFC 9210 section 4.2", over: tcp, slow: true,
			talk: func(ctx context.Context, s server, _ bool) error { return s.idle(ctx, 0) }},
		{number: 68, title: "so is one that is idle after a query", reason: "RFC 7766 section 6.2.3", over: tcp, slow: true,
			talk: func(ctx context.Context, s server, _ bool) error { return s.idle(ctx, 1) }},
		{number: 68, title: "so is one whose message never ends", reason: "RFC 7766 section 10; RFC 9210 section 4.4", over: tcp, slow: true,
			talk: unfinished},
		{number: 69, title: "each query begins the idle time anew", reason: "RFC 7766 section 6.2.3", over: tcp, slow: true,
			talk: keptBusy},
		{number: 69, title: "after twenty-five queries the idle time runs too", reason: "RFC 7766 section 6.2.3", over: tcp, slow: true,
			talk: func(ctx context.Context, s server, _ bool) error { return s.idle(ctx, 25) }},
		{number: 72, title: "five hundred queries on one connection are all answered", reason: "RFC 7766 section 6.2.1", over: tcp,
			talk: oneByOne(500)},
		{number: 73, title: "edns-tcp-keepalive gets the idle time", reason: "RFC 7828 section 3.3.2", over: tcp,
			query: keepalive(), expect: all(soaAnswer, opt, keepaliveTime)},
		{number: 73, title: "over UDP it is passed over", reason: "RFC 7828 section 3.3.1", over: udp,
			query: keepalive(), expect: all(soaAnswer, opt, without(optKeepalive))},
		{number: 73, title: "who did not send it does not get it in another's reply", reason: "RFC 7828 section 3.3.2", over: tcp,
			query: query(soa), expect: all(soaAnswer, noOpt)},
		{number: 73, title: "with a time in it, it is no query: FORMERR", reason: "RFC 7828 section 3.2.1", over: tcp,
			talk: func(ctx context.Context, s server, tcp bool) error {
				// A server without the option passes over whatever it holds.
				if err := replies(keepaliveTime, keepalive())(ctx, s, tcp); err != nil {
					return err
				}
				return replies(formErr, keepalive(0, 100))(ctx, s, tcp)
			}},
		{number: 74, title: "a zone is not transferred over UDP", reason: "RFC 5936 section 4.2", over: udp,
			query: query(ask(s.zone, dns.TypeAXFR)), expect: all(rcode(dns.RcodeRefused, dns.RcodeFormatError, dns.RcodeNotImplemented), empty)},
	}
}

// batch returns n queries for one name after another, and all of them as TCP
// carries them.
func (s server) batch(n int) (queries [][]byte, stream []byte) {
	for i := range n {
		q := query(ask(s.n("dns-version"), dns.TypeTXT))
		if i%2 == 1 {
			q = query(ask(s.svc("web"), dns.TypeA), edns(1232))
		}
		q[0], q[1] = byte(i>>8), byte(i) // the ids differ
		queries = append(queries, q)
		stream = append(stream, prefixed(q)...)
	}
	return queries, stream
}

// pipeline writes n queries at once and wants a reply to each, in any order.
func pipeline(n int) func(context.Context, server, bool) error {
	return func(ctx context.Context, s server, tcp bool) error {
		c, err := s.dial(ctx, tcp)
		if err != nil {
			return err
		}
		defer c.Close()
		queries, stream := s.batch(n)
		if _, err := c.Write(stream); err != nil {
			return err
		}
		return c.collect(queries)
	}
}

// collect receives a sound reply to each query, in any order.
func (c conn) collect(queries [][]byte) error {
	open := make(map[string][]byte)
	for _, q := range queries {
		open[string(q[:2])] = q
	}
	for range queries {
		reply, err := c.receive(replyTime)
		if err != nil {
			return fmt.Errorf("%d of %d replies did not come: %w", len(open), len(queries), err)
		}
		q := open[string(reply[:min(2, len(reply))])]
		if q == nil {
			return errors.New("a reply has the id of no query, or one's again")
		}
		delete(open, string(q[:2]))
		x, err := newExchange(c.tcp, q, reply)
		if err != nil {
			return err
		}
		if err := all(rcode(dns.RcodeSuccess), withQuestion)(x); err != nil {
			return err
		}
	}
	return nil
}

func oneByOne(n int) func(context.Context, server, bool) error {
	return func(ctx context.Context, s server, tcp bool) error {
		c, err := s.dial(ctx, tcp)
		if err != nil {
			return err
		}
		defer c.Close()
		queries, _ := s.batch(n)
		for i, q := range queries {
			if err := c.send(q); err != nil {
				return fmt.Errorf("at query %d: %w", i+1, cause(err))
			}
			if err := c.collect([][]byte{q}); err != nil {
				return fmt.Errorf("at query %d: %w", i+1, err)
			}
		}
		return nil
	}
}

func octetByOctet(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	queries, stream := s.batch(1)
	for i := range stream {
		if _, err := c.Write(stream[i : i+1]); err != nil { // Go sets TCP_NODELAY
			return cause(err)
		}
	}
	return c.collect(queries)
}

func oneSegment(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	_, stream := s.batch(1)
	if _, err := c.Write(stream); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(replyTime)); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		return cause(err)
	}
	if n < 2 || n != 2+int(buf[0])<<8+int(buf[1]) {
		return fmt.Errorf("the first %d octets are not a whole message", n)
	}
	return nil
}

func halfClose(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	queries, stream := s.batch(2)
	if _, err := c.Write(stream); err != nil {
		return err
	}
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	if err := c.collect(queries); err != nil {
		return err
	}
	return c.ended(replyTime)
}

// idle asks n queries at once, and then waits for the end of the connection.
func (s server) idle(ctx context.Context, n int) error {
	c, err := s.dial(ctx, true)
	if err != nil {
		return err
	}
	defer c.Close()
	if n > 0 {
		queries, stream := s.batch(n)
		if _, err := c.Write(stream); err != nil {
			return err
		}
		if err := c.collect(queries); err != nil {
			return err
		}
	}
	return c.ended(patience)
}

// unfinished sends all of a query but its last octet. It may be reset too: the
// server has octets of the client's that nobody will read.
func unfinished(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	_, stream := s.batch(1)
	if _, err := c.Write(stream[:len(stream)-1]); err != nil {
		return err
	}
	return c.ended(patience)
}

// keptBusy asks once a second, for longer than any server of the table waits, and
// wants an answer each time.
func keptBusy(ctx context.Context, s server, tcp bool) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	beat := time.NewTicker(time.Second)
	defer beat.Stop()
	queries, _ := s.batch(13)
	for _, q := range queries {
		if err := c.send(q); err != nil {
			return cause(err)
		}
		if err := c.collect([][]byte{q}); err != nil {
			return err
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// keepaliveTime wants the option with a time other than 0, which would mean that
// the connection is to be closed.
func keepaliveTime(x *exchange) error {
	data, ok := x.optionData(optKeepalive)
	if !ok {
		return notOffered("edns-tcp-keepalive")
	}
	if len(data) != 2 || bytes.Equal(data, []byte{0, 0}) {
		return fmt.Errorf("the option holds %x", data)
	}
	return nil
}

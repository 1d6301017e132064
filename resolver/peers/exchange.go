package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// udpSize is what fits into a datagram that no network has to cut (the DNS flag day
// of 2020).
const udpSize = 1232

// rounds is how often each server is asked before a query counts as failed:
// datagrams get lost.
const rounds = 2

// client asks servers. It may be used concurrently.
type client struct {
	servers []string // host:port
	timeout time.Duration
	first   atomic.Uint32 // which server answered last, and is asked first
}

// rcodeError is a reply that is no answer.
type rcodeError struct {
	server string
	rcode  int
}

func (e *rcodeError) Error() string {
	text, ok := dns.RcodeToString[e.rcode]
	if !ok {
		text = fmt.Sprintf("rcode %d", e.rcode)
	}
	return fmt.Sprintf("server %s says %s", e.server, text)
}

// errLame is a reply without data from a server that neither knows the name nor
// asked others: no RA, no AA, no record.
var errLame = errors.New("the server does not know the name's zone")

// ask returns the answer to a question: NOERROR or NXDOMAIN. All servers are asked
// in turn until one has it, by TCP from the beginning if stream. An error is that of
// the server asked last.
func (c *client) ask(ctx context.Context, name string, typ uint16, stream bool) (*dns.Msg, error) {
	var last error
	first := int(c.first.Load())
	for i := range rounds * len(c.servers) {
		at := (first + i) % len(c.servers)
		reply, err := c.askServer(ctx, c.servers[at], question{name, typ, stream})
		if err == nil {
			c.first.Store(uint32(at))
			return reply, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("asking for %s %s: %w", name, dns.TypeToString[typ], last)
}

type question struct {
	name   string
	typ    uint16
	stream bool
}

// askServer returns a server's answer.
func (c *client) askServer(ctx context.Context, server string, q question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.typ)
	m.SetEdns0(udpSize, false)
	network := "udp"
	if q.stream {
		network = "tcp"
	}
	reply, err := c.exchange(ctx, network, server, m)
	if err == nil && reply.IsEdns0() == nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented) {
		m.Extra = nil // RFC 6891 section 6.2.2: the server has no EDNS
		reply, err = c.exchange(ctx, network, server, m)
	}
	if err == nil && reply.Truncated && network == "udp" {
		reply, err = c.exchange(ctx, "tcp", server, m)
	}
	switch {
	case err != nil:
		return nil, err
	case reply.Rcode == dns.RcodeNameError:
		return reply, nil
	case reply.Rcode != dns.RcodeSuccess:
		return nil, &rcodeError{server, reply.Rcode}
	case reply.Truncated:
		return nil, fmt.Errorf("server %s truncates its reply over TCP", server)
	case len(reply.Answer) == 0 && !reply.Authoritative && !reply.RecursionAvailable:
		return nil, fmt.Errorf("server %s: %w", server, errLame)
	}
	return reply, nil
}

// exchange sends m with a new ID from a port of its own, and returns the reply.
func (c *client) exchange(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	m.Id = dns.Id()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	co := &dns.Conn{Conn: conn, UDPSize: udpSize}
	if err := co.WriteMsg(m); err != nil {
		return nil, err
	}
	for {
		packet, err := co.ReadMsgHeader(nil)
		if err != nil && !errors.Is(err, dns.ErrShortRead) {
			return nil, err
		}
		reply := new(dns.Msg)
		if err == nil && reply.Unpack(packet) == nil && answers(reply, m) {
			return reply, nil
		}
		// Over UDP it may be anybody's (RFC 5452 section 9.1): the wait goes on.
		if network == "tcp" {
			return nil, fmt.Errorf("server %s sent what is no reply to the question", server)
		}
	}
}

// answers reports whether a message is a reply to m, by ID, opcode and question.
func answers(reply, m *dns.Msg) bool {
	if reply.Id != m.Id || !reply.Response || reply.Opcode != m.Opcode {
		return false
	}
	if len(reply.Question) == 0 { // some servers leave it out where they refuse
		return reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented
	}
	return len(reply.Question) == 1 && reply.Question[0] == m.Question[0]
}

package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// How long rows wait. On loopback a reply takes microseconds; the rest is for a
// machine that is busy.
const (
	replyTime = 3 * time.Second
	// quietTime is for how long a server must stay silent after it has
	// answered a query that was sent later.
	quietTime = 100 * time.Millisecond
	// patience is the longest that a server may take to end a connection: the
	// longest default of those that are known, BIND's 30 seconds, and some.
	patience = 40 * time.Second
)

// A server is one to ask.
type server struct {
	addr netip.AddrPort
	zone string // absolute
}

// n returns a name of the zone.
func (s server) n(name string) string { return name + "." + s.zone }

// svc returns the name of one of testdata's Services, or of one below it.
func (s server) svc(name string) string { return s.n(name + ".conformance.svc") }

// alive is a query that every server answers.
func (s server) alive() []byte { return query(ask(s.zone, dns.TypeSOA)) }

// errSilence is that no reply came in time.
var errSilence = errors.New("no reply")

// errClosed is that the server ended the connection in an orderly way.
var errClosed = errors.New("the connection was closed")

// tag gives a copy of the query an id of its own.
func tag(query []byte) []byte {
	msg := bytes.Clone(query)
	if len(msg) >= 2 {
		binary.BigEndian.PutUint16(msg, uint16(rand.Uint32()))
	}
	return msg
}

// exchange sends the query over UDP, or TCP, and returns the sound reply, or
// errSilence.
func (s server) exchange(ctx context.Context, tcp bool, query []byte) (*exchange, error) {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	msg := tag(query)
	if err := c.send(msg); err != nil {
		return nil, err
	}
	reply, err := c.receive(replyTime)
	if err != nil {
		return nil, err
	}
	return newExchange(tcp, msg, reply)
}

// silence sends the query, and then one that is answered, and returns an error
// if a reply comes to the first.
func (s server) silence(ctx context.Context, tcp bool, query []byte) error {
	c, err := s.dial(ctx, tcp)
	if err != nil {
		return err
	}
	defer c.Close()
	msg, after := tag(query), tag(s.alive())
	if len(msg) >= 2 {
		after[0] = ^msg[0] // the ids differ
	}
	for _, m := range [][]byte{msg, after} {
		if err := c.send(m); err != nil && !tcp {
			return err
		}
	}
	for wait := replyTime; ; wait = quietTime {
		reply, err := c.receive(wait)
		switch {
		case err != nil && tcp && !errors.Is(err, errSilence):
			return nil // a broken stream may be ended
		case errors.Is(err, errSilence) && wait == replyTime:
			return errors.New("a query sent after it was not answered either")
		case errors.Is(err, errSilence):
			return nil
		case err != nil:
			return err
		case len(reply) < 2 || !bytes.Equal(reply[:2], after[:2]):
			return fmt.Errorf("a reply came: %s", summary(reply))
		}
	}
}

// A conn is a connected socket that carries whole messages.
type conn struct {
	net.Conn
	tcp bool
}

func (s server) dial(ctx context.Context, tcp bool) (conn, error) {
	network := "udp"
	if tcp {
		network = "tcp"
	}
	d := net.Dialer{Timeout: replyTime}
	c, err := d.DialContext(ctx, network, s.addr.String())
	return conn{Conn: c, tcp: tcp}, err
}

// send writes the message; over TCP with its length, in one write.
func (c conn) send(msg []byte) error {
	if c.tcp {
		msg = prefixed(msg)
	}
	if err := c.SetWriteDeadline(time.Now().Add(replyTime)); err != nil {
		return err
	}
	_, err := c.Write(msg)
	return err
}

// prefixed returns the message as TCP carries it (RFC 1035 section 4.2.2).
func prefixed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}

// receive returns the next message, errSilence if none comes in time, or errClosed.
func (c conn) receive(wait time.Duration) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	buf := make([]byte, dns.MaxMsgSize)
	if !c.tcp {
		n, err := c.Read(buf)
		return buf[:n], cause(err)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return nil, cause(err)
	}
	buf = buf[:binary.BigEndian.Uint16(buf)]
	_, err := io.ReadFull(c, buf)
	return buf, cause(err)
}

// cause says what an error of a socket means to a row, in words that are the
// same each time.
func cause(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSilence
	case errors.Is(err, io.EOF):
		return errClosed
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed within a message")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the connection was reset")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("the connection was refused")
	}
	return err
}

// ended waits until the server ends the connection, and returns nil if it did so
// in an orderly way, without another message before.
func (c conn) ended(wait time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	n, err := c.Read(make([]byte, 1))
	switch err := cause(err); {
	case n > 0:
		return errors.New("a message came that was not asked for")
	case errors.Is(err, errClosed):
		return nil
	case errors.Is(err, errSilence):
		return fmt.Errorf("still open after %v", wait)
	default:
		return err
	}
}

// summary describes a reply in a few words, without what changes each time.
func summary(reply []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		return fmt.Sprintf("%d octets that can't be decoded", len(reply))
	}
	return describe(m)
}

func describe(m *dns.Msg) string {
	code := m.Rcode
	if opt := m.IsEdns0(); opt != nil {
		code |= opt.ExtendedRcode() &^ 0xf
	}
	name, ok := dns.RcodeToString[code]
	if !ok {
		name = fmt.Sprintf("rcode %d", code)
	}
	if code == dns.RcodeBadVers {
		name = "BADVERS"
	}
	return fmt.Sprintf("%s with %d answers", name, len(m.Answer))
}

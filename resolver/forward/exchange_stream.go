package forward

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// errTruncatedStream is why a truncated reply over TCP counts for nothing: there
// is no way to ask for the whole.
var errTruncatedStream = errors.New("truncated over TCP")

// askStream has one exchange by TCP or TLS, over an idle connection if there is
// one. That such a connection fails says nothing of the upstream, which may close
// it at any time (RFC 7766 section 6.2.4): the query goes by a new one then. One that
// takes too long may have been forgotten on the way, and then so are those that have
// idled for longer.
func (u *upstream) askStream(q *query, end time.Time) (*answer, error) {
	proto := "tcp"
	if u.Protocol == TLS {
		proto = "tcp-tls"
	}
	if c := u.pool.get(); c != nil {
		u.counts.connected(proto, true)
		began := u.now()
		a, err := u.askOver(c, q, u.deadline(end))
		if isTimeout(err) {
			u.pool.drop(began)
		}
		if err == nil || isTimeout(err) || errors.Is(err, errMalformed) {
			return a, err
		}
	}
	u.counts.connected(proto, false)
	c, err := u.dial(u.deadline(end))
	if err != nil {
		return nil, err
	}
	return u.askOver(&conn{Conn: c, made: u.now()}, q, u.deadline(end))
}

// isTimeout reports whether an exchange took too long.
func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// dial opens a connection, with TLS if that is the upstream's protocol.
func (u *upstream) dial(deadline time.Time) (net.Conn, error) {
	c, err := u.dialer(deadline).Dial("tcp", u.to)
	if err != nil || u.Protocol != TLS {
		return c, err
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	secure := tls.Client(c, u.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return secure, nil
}

// askOver has one exchange over c, which is idle after a reply, and closed after
// an error.
func (u *upstream) askOver(c *conn, q *query, deadline time.Time) (*answer, error) {
	a, err := u.speak(c, q, deadline)
	if err != nil {
		c.Close()
		return nil, err
	}
	u.pool.put(c)
	return a, nil
}

// speak writes a query and reads the reply, and passes over messages that are not
// the reply.
func (u *upstream) speak(c *conn, q *query, deadline time.Time) (*answer, error) {
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	q.renew()
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(q.packet)), uint16(len(q.packet)))
	if _, err := c.Write(append(framed, q.packet...)); err != nil {
		return nil, err
	}
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return nil, err
		}
		msg := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return nil, err
		}
		switch {
		case !q.matches(msg):
		case isTruncated(msg):
			return nil, errTruncatedStream
		default:
			return readAnswer(msg)
		}
	}
}

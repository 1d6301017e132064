package forward

import (
	"errors"
	"net"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// udpBuffer is room for a datagram. Upstreams are told to send no more than 1232
// octets; one that fills the room is taken for cut short.
const udpBuffer = wire.UDPBuffer

// errTruncated is returned where the answer does not fit into a datagram.
var errTruncated = errors.New("truncated")

// askUDP has one exchange by UDP. With errTruncated, what came of the answer is
// returned too, if it is well formed. The socket is of its own, so that the system
// gives it a random port, and connected, so that it takes nothing from elsewhere.
// What comes and is not the reply is passed over, until the deadline.
func (u *upstream) askUDP(q *query, deadline time.Time) (*answer, error) {
	var local *net.UDPAddr
	if a := u.config.SourceAddress; a.IsValid() {
		local = &net.UDPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	u.counts.opened()
	c, err := net.DialUDP("udp", local, net.UDPAddrFromAddrPort(u.Addr))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	q.renew()
	if _, err := c.Write(q.packet); err != nil {
		return nil, err
	}
	buf, ok := u.buffers.Get().(*[udpBuffer]byte)
	if !ok {
		buf = new([udpBuffer]byte)
	}
	defer u.buffers.Put(buf)
	var malformed error
	for {
		n, err := c.Read(buf[:])
		if err != nil {
			return nil, errors.Join(malformed, err)
		}
		msg := buf[:n]
		if !q.matches(msg) {
			continue
		}
		a, err := readAnswer(msg)
		switch {
		case isTruncated(msg) || n == len(buf):
			return a, errTruncated
		case err == nil:
			return a, nil
		}
		malformed = err
	}
}

package server

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// maxPacket is the largest UDP payload that a query is read from. Queries are
// small; what is longer is cut, and then no well-formed query.
const maxPacket = 4096

// retryRead is how long a reader waits after an error.
const retryRead = 100 * time.Millisecond

// readPackets answers packets one by one until the socket is closed or drained.
// It is for systems that have no batches, and may be called for one socket
// several times at once.
func (s *Server) readPackets(c *net.UDPConn, shard uint32) {
	var (
		x       resolver.Exchange
		packet  = make([]byte, maxPacket)
		reply   = make([]byte, 0, wire.UDPBuffer)
		control = make([]byte, controlSize)
		local   = s.Addr()
		later   = s.newOutbox(c)
	)
	x.Query.Transport, x.Query.Shard = resolver.UDP, shard
	for {
		n, nc, _, from, err := c.ReadMsgUDPAddrPort(packet, control)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || s.isClosing() {
				return
			}
			s.config.Logger.Warn("reading UDP", "err", err, "retry", retryRead)
			time.Sleep(retryRead) // the socket is ill: don't spin, and don't fill the log
			continue
		}
		if n == 0 || from.Port() == 0 || from == local {
			continue // nothing to answer, nobody to answer to, or ourselves
		}
		x.Query.Client, x.Query.Local = plain(from), local
		x.Query.Received = time.Now()
		out := s.responder.Load().Respond(&x, packet[:n], reply[:0])
		// Control data says which address was asked: the reply leaves from it.
		leaveRoutes(control[:nc])
		if x.Later() {
			s.wait(&x.Query, packet[:n], route{outbox: later, to: from, control: control[:nc]})
		}
		if len(out) == 0 {
			continue
		}
		if _, _, err := c.WriteMsgUDPAddrPort(out, control[:nc], from); err != nil && !errors.Is(err, net.ErrClosed) {
			s.config.Logger.Debug("writing UDP", "to", from, "err", err)
		}
	}
}

// plain returns an address as those who compare addresses want it: IPv4 as such,
// not mapped into IPv6, and without zone.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

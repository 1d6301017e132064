package server

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// batched says that this system reads and writes packets in batches, each
// reader on a socket of its own.
const batched = true

// batchSize is how many packets one system call carries at most. More would not
// be cheaper, and the first reply of a batch waits for the last.
const batchSize = 32

// message is the kernel's struct mmsghdr.
type message struct {
	unix.Msghdr
	length uint32
}

// place is the memory of one packet and its reply.
type place struct {
	from    [unix.SizeofSockaddrInet6]byte // large enough for either family
	control [controlSize]byte
	packet  [maxPacket]byte
	reply   [wire.UDPBuffer]byte
	in, out unix.Iovec

	exchange resolver.Exchange
	ours     bool // to be answered
}

// batch is the memory of one reader, made once. The kernel is given pointers
// into it, which is sound as it is on the heap, and never moves.
type batch struct {
	places   [batchSize]place
	received [batchSize]message
	replies  [batchSize]message
	names    [batchSize][]byte // of questions

	responder *resolver.Responder // of this batch
}

func newBatch() *batch {
	b := new(batch)
	for i := range b.places {
		p := &b.places[i]
		p.in.Base = &p.packet[0]
		p.in.SetLen(maxPacket)
		p.out.Base = &p.reply[0]
		b.received[i].Iov = &p.in
		b.received[i].SetIovlen(1)
		b.received[i].Name = &p.from[0]
		b.received[i].Control = &p.control[0]
	}
	b.offer(batchSize)
	return b
}

// offer gives the first n places' full sizes to the kernel again, which wrote
// there how much it used.
func (b *batch) offer(n int) {
	for i := range b.received[:n] {
		b.received[i].Namelen = unix.SizeofSockaddrInet6
		b.received[i].SetControllen(controlSize)
	}
}

// readBatches answers packets until the socket is closed or drained: those that
// have arrived are read by one call and answered by one. Nothing is allocated
// and no lock is held.
func (s *Server) readBatches(c *net.UDPConn, shard uint32) {
	raw, err := c.SyscallConn()
	if err != nil {
		s.config.Logger.Error("reading UDP", "err", err)
		return
	}
	var (
		b     = newBatch()
		local = s.Addr()
		errno syscall.Errno
		w     = newBatchWriter(raw)
		later = s.newBatchOutbox(raw)
	)
	for i := range b.places {
		q := &b.places[i].exchange.Query
		q.Transport, q.Local, q.Shard = resolver.UDP, local, shard
	}
	// serve answers one batch. It reports false where there is most likely nothing
	// more to read, to be called when something has arrived since it began: a call
	// to find that out would be a third of what a lone packet costs.
	serve := func(fd uintptr) bool {
		var count int
		if count, errno = transfer(unix.SYS_RECVMMSG, fd, b.received[:]); errno != 0 {
			return errno != unix.EAGAIN
		}
		b.responder = s.responder.Load()
		s.acceptBatch(b, count)
		if err := w.send(b.replies[:s.answerBatch(later, b, count)]); err != nil && !errors.Is(err, net.ErrClosed) {
			s.config.Logger.Debug("writing UDP", "err", err)
		}
		b.offer(count)
		return count > 1
	}
	for {
		err := raw.Read(serve)
		if err == nil && errno != 0 {
			err = errno
		}
		if err == nil {
			continue
		}
		if errors.Is(err, net.ErrClosed) || s.isClosing() {
			return
		}
		s.config.Logger.Warn("reading UDP", "err", err, "retry", retryRead)
		time.Sleep(retryRead) // the socket is ill: don't spin, and don't fill the log
	}
}

// acceptBatch reads the packets in the first count places.
func (s *Server) acceptBatch(b *batch, count int) {
	now, names := time.Now(), b.names[:0]
	for i := range count {
		p, in := &b.places[i], &b.received[i]
		q := &p.exchange.Query
		q.Client, q.Received = addrPort(&p.from), now
		// Nothing to answer, nobody to answer to, or ourselves.
		p.ours = in.length > 0 && q.Client.Port() != 0 && q.Client != q.Local
		if p.ours {
			b.responder.Accept(&p.exchange, p.packet[:in.length])
			if q.HasQuestion() {
				names = append(names, q.Name())
			}
		}
	}
	b.responder.Prepare(names)
}

// answerBatch answers the packets that were accepted, and returns how many
// replies there are to send. Those that take long leave later.
func (s *Server) answerBatch(later *outbox, b *batch, count int) (replies int) {
	for i := range count {
		p, in := &b.places[i], &b.received[i]
		if !p.ours {
			continue
		}
		out := b.responder.Answer(&p.exchange, p.reply[:0])
		leaveRoutes(p.control[:in.Controllen])
		if p.exchange.Later() {
			s.wait(&p.exchange.Query, p.packet[:in.length], route{
				outbox: later, raw: p.from[:in.Namelen], control: p.control[:in.Controllen],
			})
		}
		if len(out) == 0 {
			continue
		}
		if &out[0] != &p.reply[0] {
			out = p.reply[:copy(p.reply[:], out)] // it can't: a reply is no longer than UDPBuffer
		}
		reply := &b.replies[replies]
		replies++
		p.out.SetLen(len(out))
		reply.Msghdr = in.Msghdr // back to where it came from
		reply.Iov, reply.Flags = &p.out, 0
		if in.Controllen == 0 {
			reply.Control = nil
		}
	}
	return replies
}

// addrPort returns a socket address as the kernel writes it, IPv4 as such, and
// without zone.
func addrPort(raw *[unix.SizeofSockaddrInet6]byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(raw[2:])
	if binary.NativeEndian.Uint16(raw[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[8:24])).Unmap(), port)
}

// transfer calls recvmmsg(2) or sendmmsg(2) without waiting, and returns how
// many messages it took. Go's scheduler is not told of the call (RawSyscall): a
// batch takes longer than the 20 µs after which it may take a call for one that
// waits, and has another thread go on in the place of this one, which then has to
// get its turn back. A stop of all goroutines has to wait for the batch instead.
func transfer(call, fd uintptr, messages []message) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)),
			unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

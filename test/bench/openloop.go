package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
)

// loopGrace is how long an open loop waits for the last replies, and what a
// question counts as that has none.
const loopGrace = time.Second

// latencies are what an open loop found.
type latencies struct {
	sent, completed int
	p50, p99        time.Duration
	late            time.Duration // by how much, at its 99th percentile, the loop itself sent too late
}

// openLoop asks a server perSecond questions a second, evenly spaced, whether
// replies come or not, and measures each reply from the moment that its question
// was due. So a server that stands still for a millisecond is charged for every
// question that was due meanwhile, which a client that waits for replies would
// not have asked. It takes its core whole: it never sleeps. dnsperf has the same
// pace but tells averages alone.
func openLoop(ctx context.Context, server netip.AddrPort, questions []question, perSecond, seconds int) (latencies, error) {
	packets := make([][]byte, len(questions))
	for i, q := range questions {
		var err error
		if packets[i], err = q.message(0).Pack(); err != nil {
			return latencies{}, fmt.Errorf("packing %s: %w", q.name, err)
		}
	}
	// One socket: to look at several takes so much longer that the loop would be
	// late itself.
	s, err := newLoopSocket(server)
	if err != nil {
		return latencies{}, fmt.Errorf("opening a socket: %w", err)
	}
	defer s.close()
	total := perSecond * seconds
	took := make([]time.Duration, 0, total)
	late := make([]time.Duration, 0, total)
	gap := time.Second / time.Duration(perSecond)

	// Nothing below allocates; no collection shall come between.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	begin, sent := time.Now(), 0
	end := time.Duration(total)*gap + loopGrace
	for now := time.Duration(0); len(took) < total && now < end; now = time.Since(begin) {
		if due := time.Duration(sent) * gap; sent < total && due <= now {
			if err := s.send(packets[sent%len(packets)], due); err != nil {
				return latencies{}, fmt.Errorf("sending: %w", err)
			}
			late = append(late, now-due)
			sent++
		}
		// One reply for each question at most, so that neither waits for long
		// when many of both are there.
		due, ok, err := s.receive()
		if err != nil {
			return latencies{}, fmt.Errorf("receiving: %w", err)
		}
		if ok {
			took = append(took, time.Since(begin)-due)
		}
		if sent%1024 == 0 && ctx.Err() != nil {
			return latencies{}, ctx.Err()
		}
	}
	if len(took) == 0 {
		return latencies{}, errors.New("not one reply")
	}
	completed := len(took)
	for range sent - completed {
		took = append(took, loopGrace) // for a client it was that long at least
	}
	return latencies{
		sent: sent, completed: completed,
		p50: percentile(took, 50), p99: percentile(took, 99), late: percentile(late, 99),
	}, nil
}

// percentile sorts values, of which there is one at least, and returns the
// smallest that p percent of them do not exceed.
func percentile(values []time.Duration, p int) time.Duration {
	slices.Sort(values)
	return values[max(0, (len(values)*p+99)/100-1)]
}

// A loopSocket is a connected UDP socket that never waits, and when each of its
// questions was due, by id. An id comes again after 65,536 questions; a reply
// that is older than that was lost long before.
type loopSocket struct {
	fd     int
	next   uint16
	due    [1 << 16]time.Duration // since the beginning; -1 once answered
	buffer [4096]byte
}

func newLoopSocket(server netip.AddrPort) (*loopSocket, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &loopSocket{fd: fd}
	for i := range s.due {
		s.due[i] = -1
	}
	// For when this process is not given its core; the kernel grants what it will.
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close has no error worth telling: nothing is buffered.
func (s *loopSocket) close() { _ = syscall.Close(s.fd) }

// send sends a packet under the next id, which it writes into the packet.
func (s *loopSocket) send(packet []byte, due time.Duration) error {
	binary.BigEndian.PutUint16(packet, s.next)
	s.due[s.next] = due
	s.next++
	_, err := syscall.Write(s.fd, packet)
	if errors.Is(err, syscall.EAGAIN) {
		return nil // its buffer is full: the question counts as lost
	}
	return err
}

// receive takes one reply, if one is there, and returns when its question was
// due.
func (s *loopSocket) receive() (due time.Duration, ok bool, err error) {
	n, err := syscall.Read(s.fd, s.buffer[:])
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case n < 12: // no header
		return 0, false, nil
	}
	id := binary.BigEndian.Uint16(s.buffer[:])
	due, s.due[id] = s.due[id], -1
	return due, due >= 0, nil
}

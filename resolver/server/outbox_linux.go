package server

import (
	"errors"
	"net"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// newBatchOutbox returns where replies leave that were waited for, in batches. It
// is for one socket.
func (s *Server) newBatchOutbox(raw syscall.RawConn) *outbox {
	var (
		messages [batchSize]message
		parts    [batchSize]unix.Iovec
		w        = newBatchWriter(raw)
	)
	return &outbox{sent: s.waited, write: func(all []*waiting) {
		for batch := range slices.Chunk(all, batchSize) {
			for i, r := range batch {
				parts[i].Base = &r.reply[0]
				parts[i].SetLen(len(r.reply))
				m := &messages[i]
				*m = message{}
				m.Name, m.Namelen = &r.route.raw[0], uint32(len(r.route.raw))
				m.Iov = &parts[i]
				m.SetIovlen(1)
				if len(r.route.control) > 0 {
					m.Control = &r.route.control[0]
					m.SetControllen(len(r.route.control))
				}
			}
			if err := w.send(messages[:len(batch)]); err != nil && !errors.Is(err, net.ErrClosed) {
				s.config.Logger.Debug("writing UDP", "err", err)
			}
		}
	}}
}

// batchWriter sends messages, of one goroutine at a time. It keeps what its
// callback needs, so that sending does not allocate.
type batchWriter struct {
	raw   syscall.RawConn
	write func(fd uintptr) bool // once

	messages []message
	sent     int
	errno    syscall.Errno
}

func newBatchWriter(raw syscall.RawConn) *batchWriter {
	w := &batchWriter{raw: raw}
	w.write = w.once
	return w
}

// send sends all messages. One that can't be sent is left out; the last such
// error is returned.
func (w *batchWriter) send(messages []message) (failed error) {
	for len(messages) > 0 {
		w.messages = messages
		if err := w.raw.Write(w.write); err != nil {
			return err
		}
		if w.errno != 0 {
			failed, w.sent = w.errno, 1
		}
		messages = messages[w.sent:]
	}
	return failed
}

func (w *batchWriter) once(fd uintptr) bool {
	w.sent, w.errno = transfer(unix.SYS_SENDMMSG, fd, w.messages)
	return w.errno != unix.EAGAIN
}

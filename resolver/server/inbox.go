package server

import (
	"encoding/binary"
	"net"
)

// lengthPrefix is what stands before each message of a stream: its length (RFC
// 1035 section 4.2.2).
const lengthPrefix = 2

// inbox gathers the messages of a stream in memory of a fixed size. Of a longer
// message than maxPacket it gives the beginning alone, as soon as that is there.
type inbox struct {
	buf      [lengthPrefix + maxPacket]byte
	from, to int // what is in buf and was not given yet
	skip     int // how much is still to come of a message that was given
}

// read reads once what c has, and returns how much that was. next must have been
// called until it gave nothing.
func (b *inbox) read(c net.Conn) (int, error) {
	b.to = copy(b.buf[:], b.buf[b.from:b.to])
	b.from = 0
	n, err := c.Read(b.buf[b.to:])
	b.to += n
	return n, err
}

// next returns the next message, valid until read is called.
func (b *inbox) next() (packet []byte, ok bool) {
	skipped := min(b.skip, b.to-b.from)
	b.from, b.skip = b.from+skipped, b.skip-skipped
	have := b.buf[b.from:b.to]
	if b.skip > 0 || len(have) < lengthPrefix {
		return nil, false
	}
	size := int(binary.BigEndian.Uint16(have))
	kept := lengthPrefix + min(size, maxPacket)
	if len(have) < kept {
		return nil, false
	}
	b.from, b.skip = b.from+kept, lengthPrefix+size-kept
	return have[lengthPrefix:kept], true
}

// begun reports whether a message has arrived in part.
func (b *inbox) begun() bool { return b.from < b.to || b.skip > 0 }

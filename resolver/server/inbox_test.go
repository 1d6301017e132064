package server

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pieces is a connection that gives a stream in pieces.
type pieces struct {
	net.Conn
	rest []byte
	next func() int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), p.next())])
	p.rest = p.rest[n:]
	return n, nil
}

// TestInbox reads messages of many lengths in pieces of many lengths: they come out
// as they went in, cut to maxPacket.
func TestInbox(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want [][]byte
	for _, size := range []int{0, 1, 12, 40, 0, 511, maxPacket - 1, maxPacket, maxPacket + 1, 2*maxPacket + 5, 1, 65535, 30} {
		m := make([]byte, size)
		for i := range m {
			m[i] = byte(rng.Uint32())
		}
		stream = append(binary.BigEndian.AppendUint16(stream, uint16(size)), m...)
		want = append(want, m[:min(size, maxPacket)])
	}
	sizes := map[string]func() int{
		"bytes":  func() int { return 1 },
		"threes": func() int { return 3 },
		"random": func() int { return 1 + rng.IntN(5000) },
		"whole":  func() int { return len(stream) },
	}
	for name, next := range sizes {
		t.Run(name, func(t *testing.T) {
			c := &pieces{rest: stream, next: next}
			var in inbox
			var got [][]byte
			for {
				_, err := in.read(c)
				for m, ok := in.next(); ok; m, ok = in.next() {
					got = append(got, bytes.Clone(m))
				}
				if err != nil {
					break
				}
			}
			if in.begun() {
				t.Error("after the last message, another has begun")
			}
			if diff := cmp.Diff(len(want), len(got)); diff != "" {
				t.Fatalf("messages (-want +got):\n%s", diff)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("message %d: %d octets, want %d", i, len(got[i]), len(want[i]))
				}
			}
		})
	}
}

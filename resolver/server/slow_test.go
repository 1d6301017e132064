package server_test

import (
	"encoding/binary"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

const (
	crowd = 100 // slow clients at once

	// deadline is that of what they are slow at; idleDeadline where it is that they
	// say nothing, as it is others' too, who must not meet it on a busy machine.
	deadline, idleDeadline = 150 * time.Millisecond, 600 * time.Millisecond

	// How much memory one of them may take of Go's heap and stacks, its own side
	// included. A reply of 64 KiB and its buffer is in the larger one.
	small, large = 32 << 10, 224 << 10
)

// probe asks without end, over UDP and TCP, from an address of its own, until it
// is stopped.
type probe struct {
	t     *testing.T
	s     *server.Server
	stop  atomic.Bool
	done  sync.WaitGroup
	mu    sync.Mutex
	times map[string][]time.Duration // that queries took; guarded by mu
}

func newProbe(t *testing.T, s *server.Server) *probe {
	p := &probe{t: t, s: s, times: map[string][]time.Duration{}}
	p.done.Go(func() { p.run("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}) })
	p.done.Go(func() { p.run("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}) })
	return p
}

// run asks some questions by each of many connections. One that fails fails the
// test, unless the machine stood still for as long as a connection may idle.
func (p *probe) run(network string, from net.Addr) {
	var times []time.Duration
	query, reply := framed(p.t, 100), make([]byte, 512)
	if network == "udp" {
		query = query[2:]
	}
	for first := true; first || !p.stop.Load(); first = false {
		last := time.Now() // when it was heard of
		c, err := (&net.Dialer{LocalAddr: from}).Dial(network, p.s.Addr().String())
		if err != nil {
			p.t.Errorf("connecting by %s: %v", network, err)
			return
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // it shows in what fails
		for range 10 {
			begin := time.Now()
			if _, err = c.Write(query); err == nil {
				_, err = c.Read(reply)
			}
			if err != nil {
				if time.Since(last) < idleDeadline/2 {
					p.t.Errorf("a query by %s fails after %s: %v", network, time.Since(begin), err)
				}
				break
			}
			last = time.Now()
			times = append(times, last.Sub(begin))
		}
		c.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times[network] = times
}

// end stops asking, and returns the median of how long it took.
func (p *probe) end() map[string]time.Duration {
	p.stop.Store(true)
	p.done.Wait()
	median := map[string]time.Duration{}
	for network, times := range p.times {
		if len(times) == 0 {
			p.t.Errorf("no query by %s was answered", network)
			continue
		}
		slices.Sort(times)
		median[network] = times[len(times)/2]
	}
	return median
}

// alone returns how long queries take that s has nothing to do beside.
func alone(t *testing.T, s *server.Server) map[string]time.Duration {
	p := newProbe(t, s)
	time.Sleep(50 * time.Millisecond) // as long as it is measured
	return p.end()
}

// memory returns how much of Go's heap and stacks is in use.
func memory() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// TestSlow has crowds of slow clients, of each kind that load generators know: they
// are closed by the deadlines, though they never close; others are answered
// meanwhile, about as soon as without them; and they take little memory.
func TestSlow(t *testing.T) {
	many := queries(t, slices.Repeat([]uint16{200}, 30)...) // for more than fits in the kernel's buffers
	late := queries(t, slices.Repeat([]uint16{1}, 30)...)
	long := binary.BigEndian.AppendUint16(nil, 0xffff)
	long = append(long, make([]byte, 0xfffe)...)
	idle := server.Config{IdleTimeout: idleDeadline}
	read := server.Config{ReadTimeout: deadline}
	unread := server.Config{WriteTimeout: deadline}
	tests := []struct {
		name   string
		config server.Config // with the one deadline that is to close them
		send   []byte        // at once
		fin    bool          // then says that there is no more
		drip   bool          // goes on with a byte at a time
		memory int
		reason string
	}{
		{name: "silent", config: idle, memory: small, reason: "a handshake, and nothing"},
		{name: "silent after a reply", config: idle, send: framed(t, 100), memory: small, reason: "it ignores what comes, and our close"},
		{name: "all but one byte", config: read, send: framed(t, 100)[:29], memory: small, reason: "N-1 bytes of a query"},
		{name: "all but one byte of much", config: read, send: long, memory: small, reason: "N-1 bytes of 64 KiB, of which little is kept"},
		{name: "trickle", config: read, send: []byte{0xff, 0xff}, drip: true, memory: small, reason: "the deadline is for the whole message"},
		{name: "never reads", config: unread, send: many, memory: large, reason: "its replies fill what buffers there are"},
		{name: "never reads late replies", config: unread, send: late, memory: large, reason: "there are not too many queries at once that take long"},
		{name: "half-closed", send: framed(t, 100), fin: true, memory: small, reason: "it has its reply: there is no more to wait for"},
		{name: "half-closed in a query", send: framed(t, 100)[:29], fin: true, memory: small, reason: "the rest will not come"},
		{name: "half-closed, never reads", config: unread, send: many, fin: true, memory: large, reason: "its replies are not taken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := tt.config
			for _, d := range []*time.Duration{&config.IdleTimeout, &config.ReadTimeout, &config.WriteTimeout} {
				if *d == 0 {
					*d = time.Hour
				}
			}
			config.MaxConnsPerSource, config.MaxWaiting = crowd, crowd
			s := start(t, bulky(), config)
			base := alone(t, s)
			before := memory()

			among := newProbe(t, s)
			begin := time.Now()
			var clients []*net.TCPConn
			for range crowd {
				c := dial(t, "tcp", s).(*net.TCPConn)
				_ = c.SetReadBuffer(4096)
				clients = append(clients, c)
				_, _ = c.Write(tt.send) // it may be closed by then
				if tt.fin {
					_ = c.CloseWrite()
				}
			}
			most := 0
			dnstest.Eventually(t, "all are closed: "+tt.reason, func() bool {
				most = max(most, memory()-before)
				time.Sleep(10 * time.Millisecond) // garbage is not to be collected all the time
				for _, c := range clients {
					if tt.drip {
						_, _ = c.Write([]byte{0}) // it may be closed by then
					}
				}
				return s.Conns() <= 1 // the probe's
			})
			lasted := time.Since(begin)
			median, after := among.end(), alone(t, s) // the machine may be busier than before
			for network, with := range median {
				if limit := 5*max(base[network], after[network]) + 20*time.Millisecond; with > limit {
					t.Errorf("a query by %s takes %s, without slow clients %s before and %s after", network, with, base[network], after[network])
				}
			}
			if each := most / crowd; each > tt.memory {
				t.Errorf("a client takes %d bytes, want at most %d", each, tt.memory)
			}
			t.Logf("%s, %d bytes each, median %v, without them %v", lasted, most/crowd, median, base)
		})
	}
}

// bulky is a handler with a small reply, a large one to the ID 200, and to slow
// queries a large one that takes long.
func bulky() resolver.Handler {
	one, lots := records(1), records(4000)
	return resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		switch {
		case q.ID == 200:
			return lots.Serve(q, r)
		case q.ID >= slowIDs:
			return one.Serve(q, r)
		case !q.MayWait():
			return resolver.Later
		}
		return lots.Serve(q, r)
	})
}

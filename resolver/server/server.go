package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/internal/workers"
)

// Defaults of Config.
const (
	DefaultMaxConns          = 4096
	DefaultMaxConnsPerSource = 256
	DefaultMaxPerConn        = 128
	DefaultMaxWaiting        = 4096
	DefaultIdleTimeout       = 10 * time.Second
	DefaultReadTimeout       = 2 * time.Second
	DefaultWriteTimeout      = 5 * time.Second
)

// Config says where and how a Server listens. Its zero value, with a Responder,
// listens on all addresses, port 53.
type Config struct {
	// Addr is host:port; port 0 lets the kernel choose one, the same for UDP
	// and TCP. An empty host is all addresses.
	Addr string
	// Responder answers the packets.
	Responder *resolver.Responder
	// Readers is how many goroutines read UDP, on Linux each from a socket of
	// its own; as many as Go uses cores if 0.
	Readers int
	// OneByOne has packets read one by one where they could be in batches, for whose
	// memory a Server that is hardly asked has no use.
	OneByOne bool
	// MaxConns bounds TCP connections in all, MaxConnsPerSource those from one
	// address. A connection over a bound is closed at once.
	MaxConns, MaxConnsPerSource int
	// MaxPerConn bounds the queries of a connection that take long; while there
	// are as many, no more are read from it. MaxWaiting bounds those of all that
	// came over UDP, where one over it is dropped, and as many over TCP, where
	// connections with one over it are not read from until there is room: an address
	// can't have more of those than it leaves to others.
	MaxPerConn, MaxWaiting int
	// Limited is told when a bound is met, by any goroutine. May be nil.
	Limited func(Limit)
	// ListenTCP opens the TCP socket; nil is net.Listen, whose port nobody shares.
	// See [ListenBeside].
	ListenTCP func(network, addr string) (net.Listener, error)
	// TLS, if set, makes a server for DNS over TLS (RFC 7858), without UDP.
	TLS *tls.Config
	// IdleTimeout is for how long a connection may wait between messages,
	// ReadTimeout how long one message, or a TLS handshake, may take to arrive,
	// and WriteTimeout its replies to be taken.
	IdleTimeout, ReadTimeout, WriteTimeout time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Addr == "" {
		c.Addr = ":53"
	}
	if c.Readers == 0 {
		c.Readers = runtime.GOMAXPROCS(0)
	}
	for _, f := range []struct {
		field *int
		value int
	}{{&c.MaxConns, DefaultMaxConns}, {&c.MaxConnsPerSource, DefaultMaxConnsPerSource},
		{&c.MaxPerConn, DefaultMaxPerConn}, {&c.MaxWaiting, DefaultMaxWaiting}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.IdleTimeout, DefaultIdleTimeout}, {&c.ReadTimeout, DefaultReadTimeout}, {&c.WriteTimeout, DefaultWriteTimeout}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.ListenTCP == nil {
		c.ListenTCP = net.Listen
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// ListenBeside opens a TCP socket on all addresses, or on one, that on Linux leaves
// the port's other addresses, or all, to further ones of the same user that are opened
// so too. The kernel gives a connection to the socket of its one address, if there is
// such. Of two sockets on the same address it makes no error: see first that the port
// is free.
func ListenBeside(network, addr string) (net.Listener, error) {
	config := net.ListenConfig{Control: sharePort}
	return config.Listen(context.Background(), network, addr)
}

// Server serves one address over UDP and TCP, or over TLS.
type Server struct {
	config Config
	// responder answers; it is read anew for each batch of packets.
	responder atomic.Pointer[resolver.Responder]

	udp    []*net.UDPConn // one, or in batches one for each reader
	tcp    *net.TCPListener
	done   sync.WaitGroup // goroutines that read
	served atomic.Uint32  // connections so far

	context  context.Context // of queries that wait; ends with Close
	cancel   context.CancelFunc
	waiting  atomic.Int64  // queries over UDP
	waitings sync.Pool     // of *waiting that were answered
	places   *places       // of queries over TCP that wait
	workers  *workers.Pool // serve queries that wait

	mu      sync.Mutex
	closing bool                    // Shutdown or Close was called; guarded by mu, as all below
	closed  bool                    // Close was called
	conns   map[*net.TCPConn]source // open connections
	bySrc   map[source]int          // how many of them by source
}

// source is an address that connections are counted by.
type source = netip.Addr

// Listen opens the sockets. Serve must follow, or Close.
func Listen(config Config) (*Server, error) {
	config.setDefaults()
	if config.Responder == nil {
		return nil, errors.New("server: no Responder")
	}
	s := &Server{
		config: config, conns: map[*net.TCPConn]source{}, bySrc: map[source]int{},
		places: newPlaces(config.MaxWaiting), workers: workers.New(mostIdle),
	}
	s.responder.Store(config.Responder)
	s.context, s.cancel = context.WithCancel(context.Background())
	// A port that the kernel chose for TCP may be taken for UDP: try others.
	for attempt := 0; ; attempt++ {
		err := s.open()
		if err == nil {
			return s, nil
		}
		if !choosesPort(config.Addr) || attempt == 15 {
			return nil, err
		}
	}
}

func choosesPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	return err == nil && port == "0"
}

func (s *Server) open() error {
	host, _, err := net.SplitHostPort(s.config.Addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	family := ""
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		family = "4" // 0.0.0.0 is all IPv4 addresses, and no IPv6 ones
	}
	// TCP first: but for ListenBeside its port can't be shared, so that UDP sockets,
	// which can be, are not opened on the port of another server.
	stream, err := s.config.ListenTCP("tcp"+family, s.config.Addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s.tcp = stream.(*net.TCPListener)
	if err := boundBuffers(s.tcp); err != nil {
		s.config.Logger.Warn("connections may take more of the kernel's memory than they should", "err", err)
	}
	if s.config.TLS != nil {
		return nil
	}
	port := s.tcp.Addr().(*net.TCPAddr).Port
	if err := s.openUDP("udp"+family, net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
		s.tcp.Close()
		return fmt.Errorf("listening: %w", err)
	}
	return nil
}

// openUDP opens the UDP sockets, all on one port.
func (s *Server) openUDP(network, addr string) error {
	sockets, config := 1, net.ListenConfig{}
	if batched && !s.config.OneByOne {
		sockets, config.Control = s.config.Readers, sharePort
	}
	for range sockets {
		c, err := config.ListenPacket(context.Background(), network, addr)
		if err != nil {
			s.closeUDP()
			return err
		}
		s.udp = append(s.udp, c.(*net.UDPConn))
		if s.Addr().Addr().IsUnspecified() {
			if err := wantDestination(c.(*net.UDPConn)); err != nil {
				s.config.Logger.Warn("replies may leave from another address than was asked", "err", err)
			}
		}
	}
	return nil
}

func (s *Server) closeUDP() {
	for _, c := range s.udp {
		c.Close()
	}
	s.udp = nil
}

// Addr returns the address listened on.
func (s *Server) Addr() netip.AddrPort { return s.tcp.Addr().(*net.TCPAddr).AddrPort() }

// Swap makes r answer from now on. Queries that are being served stay with the
// Responder that they began with; one that is put off to be served later begins
// anew with the one of then.
func (s *Server) Swap(r *resolver.Responder) { s.responder.Store(r) }

// Serve answers until Shutdown or Close. It returns when nothing reads any more.
func (s *Server) Serve() {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return
	}
	s.done.Add(1) // under mu: Shutdown waits for it, or there is nothing to wait for
	s.mu.Unlock()
	readers := s.config.Readers
	if len(s.udp) == 0 {
		readers = 0
	}
	for i := range readers {
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			if c := s.udp[i%len(s.udp)]; batched && !s.config.OneByOne {
				s.readBatches(c, uint32(i))
			} else {
				s.readPackets(c, uint32(i))
			}
		}()
	}
	go func() {
		defer s.done.Done()
		s.accept()
	}()
	s.done.Wait()
}

// drainTime is how long sockets are still read when a Server shuts down, so
// that what clients had sent by then is answered.
const drainTime = 300 * time.Millisecond

// Shutdown answers what has arrived, connections that wait to be taken in
// included, and then closes all sockets. It returns ctx's error if that takes
// longer than ctx allows; all is closed then too, and the Context of queries that
// wait has ended.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	soon := time.Now().Add(drainTime)
	s.tcp.SetDeadline(soon)
	for _, c := range s.udp {
		c.SetReadDeadline(soon)
	}
	for c := range s.conns {
		c.SetReadDeadline(soon)
	}
	s.mu.Unlock()
	finished := make(chan struct{})
	go func() {
		s.done.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		s.Close()
		return nil
	case <-ctx.Done():
		s.Close()
		<-finished
		return ctx.Err()
	}
}

// Close closes all sockets at once, and ends the Context of queries that wait.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.workers.Close()
	}
	s.closing, s.closed = true, true
	s.cancel()
	for _, c := range s.udp {
		c.Close()
	}
	s.tcp.Close()
	for c := range s.conns {
		c.Close()
	}
}

// isClosing reports whether the Server is being shut down.
func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

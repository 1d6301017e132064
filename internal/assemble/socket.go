package assemble

import (
	"net"
	"sync"
)

// socket is a TCP socket that one server after another accepts connections from.
// It is open for as long as anyone has a lease of it: while it changes hands,
// connections wait.
type socket struct {
	listener net.Listener
	accepted chan accepted
	done     chan struct{} // closed with the listener

	mu     sync.Mutex
	leases int // not closed yet; guarded by mu
}

// accepted is what the listener's Accept returned.
type accepted struct {
	conn net.Conn
	err  error
}

// lease is a net.Listener of a socket. Closing it leaves the socket to the others.
type lease struct {
	*socket
	closed chan struct{}
	close  func() error
}

// listenTCP opens a socket, and returns the first lease of it.
func listenTCP(address string) (*lease, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &socket{listener: l, accepted: make(chan accepted), done: make(chan struct{})}
	go s.accept()
	return s.lease(), nil
}

// accept takes connections in, each once somebody wants it, until the socket is
// closed.
func (s *socket) accept() {
	for {
		c, err := s.listener.Accept()
		select {
		case s.accepted <- accepted{c, err}:
		case <-s.done:
			if err == nil {
				c.Close()
			}
			return
		}
	}
}

// lease returns another lease.
func (s *socket) lease() *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases++
	l := &lease{socket: s, closed: make(chan struct{})}
	l.close = sync.OnceValue(func() error {
		close(l.closed)
		return s.giveBack()
	})
	return l
}

// giveBack closes the socket with its last lease.
func (s *socket) giveBack() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases--; s.leases > 0 {
		return nil
	}
	close(s.done)
	return s.listener.Close()
}

// Accept implements net.Listener.
func (l *lease) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case a := <-l.accepted:
		return a.conn, a.err
	}
}

// Addr implements net.Listener.
func (l *lease) Addr() net.Addr { return l.listener.Addr() }

// Close implements net.Listener.
func (l *lease) Close() error { return l.close() }

package control

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// unixPrefix is what an address of a Unix socket begins with.
const unixPrefix = "unix:"

// listen opens what an address names: unix:PATH, or host:port of the loopback
// interface, where port 0 lets the system choose.
func listen(addr string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		return listenUnix(path)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, errors.New("want unix:PATH, or host:port of the loopback interface such as 127.0.0.1:0")
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("%q is not of the loopback interface, and whoever reaches it may change every answer: want 127.0.0.1, ::1 or localhost, or unix:PATH", host)
	}
	return net.Listen("tcp", addr)
}

// isLoopback reports whether a host can't be reached from other machines.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true // RFC 6761 section 6.3
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// unixListener is a Unix socket, which is removed with it.
type unixListener struct {
	net.Listener
	path string
}

// Close closes the socket and removes it.
func (l *unixListener) Close() error {
	return errors.Join(l.Listener.Close(), os.Remove(l.path))
}

// listenUnix opens a Unix socket for this user alone. It takes the place of one that
// nobody listens at any more.
func listenUnix(path string) (net.Listener, error) {
	if path == "" {
		return nil, errors.New("want unix:PATH, such as unix:/tmp/rollcall.sock")
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%s is there and is no socket", path)
		}
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("%s is in use", path)
		}
	}
	// A socket has its mode once it is bound: it is where nobody else can get at it
	// until it has the right one.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".control")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	inside := filepath.Join(dir, "s")
	l, err := net.Listen("unix", inside)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err = os.Chmod(inside, 0o600); err == nil {
		err = os.Rename(inside, path)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return &unixListener{l, path}, nil
}

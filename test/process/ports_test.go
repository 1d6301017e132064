package process

import (
	"net"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// TestPortsStayFree has others look for ports where one is given that nobody listens on
// yet: they may not be in the way of who does, not even to look.
func TestPortsStayFree(t *testing.T) {
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	given, err := strconv.Atoi(ports[0])
	if err != nil {
		t.Fatal(err)
	}
	defer busy(func() bool {
		again, err := freePorts(1, span{given, given + 1})
		if err == nil {
			t.Errorf("%v is given twice", again)
		}
		return err != nil
	})()
	for range 2000 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", ports[0]))
		if err != nil {
			t.Error(err)
			break
		}
		l.Close()
	}
}

// TestPortsOfForks has programs be started while ports are looked for: until it is
// another program, a child has all files of its parent, closed ones too.
func TestPortsOfForks(t *testing.T) {
	// At the first one Go tries out, for itself, how programs can be started.
	if err := exec.Command("true").Run(); err != nil {
		t.Fatal(err)
	}
	defer busy(func() bool {
		err := exec.Command("true").Run()
		if err != nil {
			t.Error(err)
		}
		return err == nil
	})()
	for range 1000 {
		ports, err := FreePorts(1)
		if err != nil {
			t.Error(err)
			break
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", ports[0]))
		if err != nil {
			t.Error(err)
			break
		}
		l.Close()
	}
}

// busy has four goroutines call f again and again while it reports true, until stop is
// called, which waits for them.
func busy(f func() bool) (stop func()) {
	var (
		others  sync.WaitGroup
		stopped atomic.Bool
	)
	for range 4 {
		others.Go(func() {
			for !stopped.Load() && f() {
			}
		})
	}
	return func() {
		stopped.Store(true)
		others.Wait()
	}
}

// TestPortsTaken has somebody listen who asked for no port.
func TestPortsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	for range 2 { // it is not claimed in vain
		if ports, err := freePorts(1, span{taken, taken + 1}); err == nil {
			t.Fatalf("got %v, where somebody listens", ports)
		}
	}
	l.Close()
	ports, err := freePorts(1, span{taken, taken + 1})
	if err != nil || ports[0] != strconv.Itoa(taken) {
		t.Errorf("got %v, %v, where nobody listens any more", ports, err)
	}
}

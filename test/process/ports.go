package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// Ports are taken from below the range that the kernel gives to sockets that
// ask for any port (32768 and up, unless somebody changed it), so that between
// choosing one and its program's binding it no stranger is given it by chance.
const (
	lowestPort  = 12000
	highestPort = 32000
)

// span is the ports from one to another, without that.
type span struct{ from, to int }

// given are the ports that this process got, each with a socket whose name says so
// to other test processes: who asked for a port may not listen on it yet, and must
// not find another there. The names are the kernel's, of a network namespace as
// ports are, and go with the process.
var given sync.Map

// claim makes a port this process's, unless it is one's already or somebody listens on
// it. A port is only looked at once it is claimed: the look itself would be in the way
// of whom it was given to.
func claim(port string) bool {
	name, err := net.Listen("unix", "@rollcall-test-port-"+port)
	if err != nil {
		return false
	}
	// A program that is being started has this process's sockets until it is another,
	// and so would keep this one open.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	look, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		name.Close()
		return false
	}
	look.Close()
	given.Store(port, name)
	return true
}

// FreePorts returns n different ports that nothing listens on at 127.0.0.1, and
// that it has returned to nobody before, in this process or another that runs.
func FreePorts(n int) ([]string, error) { return freePorts(n, span{lowestPort, highestPort}) }

func freePorts(n int, among span) ([]string, error) {
	var ports []string
	for range 1000 {
		port := strconv.Itoa(among.from + rand.IntN(among.to-among.from))
		if !claim(port) {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("finding %d free ports: only %d of 1000 tries were free", n, len(ports))
}

package server_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rollcall-dns/rollcall/resolver/server"
)

// portable makes listen test the path of systems without batches.
var portable bool

// ofStreams are tests of what does not depend on how packets are read.
const ofStreams = "^Test(Slow|TLS)"

// TestMain runs tests twice where there are two ways to read packets.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && server.Batched {
		fmt.Println("once more, packet by packet")
		portable = true
		if err := flag.Set("test.skip", ofStreams); err != nil {
			panic(err)
		}
		code = m.Run()
	}
	os.Exit(code)
}

// listen opens a server of the kind that is being tested.
func listen(config server.Config) (*server.Server, error) {
	if portable {
		config = server.Portable(config)
	}
	return server.Listen(config)
}

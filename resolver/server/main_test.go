package server_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/rollcall-dns/rollcall/resolver/server"
)

// portable makes listen test the path of systems without batches.
var portable bool

// TestMain runs every test twice where there are two ways to read packets.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && server.Batched {
		fmt.Println("once more, packet by packet")
		portable = true
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

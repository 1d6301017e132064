package assemble_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestMultisocket counts sockets: a reader has one of its own on Linux.
func TestMultisocket(t *testing.T) {
	dnstest.NoLeaks(t)
	p := start(t, ".:0 {\nbind 127.0.0.1\nmultisocket 3\n}")
	p.addr()
	if diff := cmp.Diff([]string{"tcp", "udp", "udp", "udp"}, listening(t)); diff != "" {
		t.Errorf("sockets (-want +got):\n%s", diff)
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
}

// TestSharedByInterface has one address by two names, which only this machine's
// interfaces tell.
func TestSharedByInterface(t *testing.T) {
	plan, err := load(t, "a.example:0 {\nbind lo\nmultisocket 2\n}\nb.example:0 {\nbind 127.0.0.1\nmultisocket 3\n}")
	if err != nil {
		t.Fatal(err)
	}
	err = fails(t, plan)
	want := "Corefile:7: multisocket: differs from that at Corefile:3, and both are for the sockets of 127.0.0.1:0"
	if err == nil || err.Error() != want {
		t.Errorf("Run: %v, want %s", err, want)
	}
}

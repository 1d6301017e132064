package assemble_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// listening returns the protocols of this process' sockets that packets or
// connections can come to.
func listening(t testing.TB) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, l := range links {
		target, _ := os.Readlink(l) // one that has been closed meanwhile is none
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var sockets []string
	for _, proto := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile("/proc/self/net/" + proto)
		if os.IsNotExist(err) {
			continue // a machine without IPv6
		} else if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			// proc(5): 0A is LISTEN, 07 an unconnected UDP socket.
			if len(f) > 9 && own[f[9]] && (f[3] == "0A" || f[3] == "07") {
				sockets = append(sockets, proto)
			}
		}
	}
	slices.Sort(sockets)
	return sockets
}

// TestOpens sees that nothing is opened but what the Corefile says.
func TestOpens(t *testing.T) {
	kubernetes := "kubernetes cluster.local {\nmanifests " + manifest(t, "web=10.0.0.1") + "\n}\n"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"DNS alone", ".:0 {\nbind 127.0.0.1\nerrors\n" + kubernetes + "}", []string{"tcp", "udp"}},
		{"two blocks of an address", "a.example:0 {\nbind 127.0.0.1\n}\nb.example:0 {\nbind 127.0.0.1\n" + kubernetes + "}", []string{"tcp", "udp"}},
		{"endpoints", ".:0 {\nbind 127.0.0.1\nhealth 127.0.0.1:0\nready 127.0.0.1:0\n" + kubernetes + "}", []string{"tcp", "tcp", "tcp", "udp"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			before := listening(t)
			if len(before) > 0 {
				t.Fatalf("the test itself listens: %v", before)
			}
			p := start(t, tt.text)
			addr := p.addr()
			want := append(tt.want, slices.Repeat([]string{"udp"}, runtime.GOMAXPROCS(0)-1)...) // one for each reader
			if diff := cmp.Diff(want, listening(t)); diff != "" {
				t.Errorf("sockets with %s open (-want +got):\n%s", addr, diff)
			}
			if err := p.end(); err != nil {
				t.Error(err)
			}
			if left := listening(t); len(left) > 0 {
				t.Errorf("afterwards %v", fmt.Sprint(left))
			}
		})
	}
}

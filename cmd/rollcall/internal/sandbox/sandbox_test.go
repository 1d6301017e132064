package sandbox

import (
	"net/netip"
	"testing"
)

func TestNSSwitch(t *testing.T) {
	tests := []struct{ old, want, reason string }{
		{"", "hosts: files dns\n", "an empty file"},
		{"passwd: files\nhosts: files dns\nrpc: db\n", "passwd: files\nrpc: db\nhosts: files dns\n", "others stay"},
		{"hosts:\tmymachines resolve [!UNAVAIL=return] files dns # all\n", "hosts: files dns\n", "a module with servers of its own"},
		{"#hosts: x\n hosts : x", "#hosts: x\nhosts: files dns\n", "spaces, no last newline; a comment is no line"},
	}
	for _, tt := range tests {
		if got := nsswitch(tt.old); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}

func TestResolverConf(t *testing.T) {
	tests := []struct {
		r      Resolver
		want   string
		reason string
	}{
		{Resolver{}, "", "the one that is there stays"},
		{Resolver{netip.MustParseAddr("127.0.0.1"), []string{"a.svc.x", "x"}}, "search a.svc.x x\nnameserver 127.0.0.1\noptions ndots:5\n", "a pod's"},
		{Resolver{netip.MustParseAddr("::1"), []string{"x"}}, "search x\nnameserver ::1\noptions ndots:5\n", "IPv6"},
	}
	for _, tt := range tests {
		if got := tt.r.conf(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
		}
	}
}

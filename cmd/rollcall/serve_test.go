package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// wantWeb asks for the manifest's Service in a zone.
func wantWeb(t *testing.T, s *serving, name string) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		r := dnstest.Ask(t, network, s.addr(), dnstest.Question(name, dns.TypeA))
		want := []string{name + " 5 IN A 10.0.0.1"}
		if diff := cmp.Diff(want, dnstest.Text(r.Answer)); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", network, diff)
		}
	}
}

func TestServe(t *testing.T) {
	file := write(t, "web.yaml", web)
	conf := write(t, "Corefile", ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests "+file+"\n}\n}\n")
	const name = "web.default.svc.cluster.local."
	tests := []struct {
		args   []string
		stdin  string
		name   string
		reason string
	}{
		{[]string{"serve", "-manifests", file, "-listen", "127.0.0.1:0"}, "", name, "flags after the command"},
		{[]string{"-manifests", file, "serve", "-listen", "127.0.0.1:0"}, "", name, "flags around the command"},
		{[]string{"-manifests", file, "-listen=127.0.0.1:0", "serve"}, "", name, "flags before the command"},
		{[]string{"--manifests=" + file, "--listen", "127.0.0.1:0"}, "", name, "no command, two dashes"},
		{[]string{"-manifests", filepath.Dir(file), "-listen", "localhost:0"}, "", name, "a folder, and a host's name"},
		{[]string{"-manifests", "-", "-listen", "127.0.0.1:0"}, web, name, "standard input"},
		{[]string{"-manifests", file, "-manifests", "-", "-listen", "[::1]:0"}, strings.ReplaceAll(web, "web", "other"), name, "several, and IPv6"},
		{[]string{"-manifests", file, "-listen", "127.0.0.1:0", "-zone", "Example.Org", "-namespace", "prod"}, "", "web.prod.svc.example.org.", "a zone and a namespace of one's own"},
		{[]string{"-conf", conf}, "", name, "a Corefile, as CoreDNS takes it"},
		{[]string{"--conf=" + conf}, "", name, "a Corefile, two dashes"},
		{[]string{"serve", "-conf", conf}, "", name, "a Corefile, with the command"},
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(strings.Join(tt.args, " "), filepath.Dir(file), "DIR"), func(t *testing.T) {
			dnstest.NoLeaks(t)
			s := serve(t, tt.stdin, tt.args...)
			wantWeb(t, s, tt.name)
			if want := fmt.Sprintf("listening on %s (udp, tcp)\n", s.addr()); s.out.String() != want {
				t.Errorf("%s: printed %q, want %q and no more", tt.reason, s.out.String(), want)
			}
			s.stop()
			if err := dnstest.Receive(t, "run's end", s.result); err != nil {
				t.Errorf("%s: %v", tt.reason, err)
			}
		})
	}
}

// TestServeAlone has no arguments: ./Corefile counts, if it is there.
func TestServeAlone(t *testing.T) {
	file := write(t, "web.yaml", web)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("Corefile", []byte(".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests "+file+"\n}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("rollcall", func(t *testing.T) {
		wantWeb(t, serve(t, ""), "web.default.svc.cluster.local.")
	})
	t.Run("shorthands", func(t *testing.T) {
		s := serve(t, "", "-manifests", file, "-listen", "127.0.0.1:0", "-zone", "example.org")
		wantWeb(t, s, "web.default.svc.example.org.") // and not the Corefile's zone
	})
}

func TestServeErrors(t *testing.T) {
	file := write(t, "web.yaml", web)
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-manifests", file, "-listen", taken.LocalAddr().String()}, "listening: listen udp4 " + taken.LocalAddr().String() + ": bind: address already in use"},
		{[]string{"-manifests", file + ".missing", "-listen", "127.0.0.1:0"}, file + ".missing"},
		{[]string{"-conf", write(t, "Corefile", "\n.:0 {\n\n\n\n\n\n\n\n\n\nfoo\n}")}, `Corefile:12: unknown plugin "foo" (rollcall serve -plugins lists `},
		{[]string{"-conf", write(t, "Corefile", ".:0 {\nkubernetes cluster.local {\nmanifests "+file+".missing\n}\n}")}, "Corefile:3: manifests " + file + ".missing: no such file or directory"},
		{[]string{"-conf", file + ".missing"}, "open " + file + ".missing: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.want[:min(30, len(tt.want))], func(t *testing.T) {
			dnstest.NoLeaks(t)
			out, err := rollcall(t, "", tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("error %v, want one with %s; printed %q", err, tt.want, out)
			}
		})
	}
}

// TestServeWarns has a Corefile that is valid, and answers nothing.
func TestServeWarns(t *testing.T) {
	s := serve(t, "", "-conf", write(t, "Corefile", ".:0 {\nbind 127.0.0.1\n}\n"))
	s.addr()
	if !strings.Contains(s.log.String(), "no server block has kubernetes, ") {
		t.Errorf("no warning that every query is REFUSED:\n%s", s.log.String())
	}
}

// TestRemedy: what helps a socket is no help for a file.
func TestRemedy(t *testing.T) {
	file := &os.PathError{Op: "open", Path: "a.yaml", Err: os.ErrPermission}
	if got := withRemedy(file).Error(); got != file.Error() {
		t.Errorf("a manifest that can't be read: %s", got)
	}
	socket := &net.OpError{Op: "listen", Net: "udp", Err: os.ErrPermission}
	if got := withRemedy(socket).Error(); !strings.Contains(got, "CAP_NET_BIND_SERVICE") {
		t.Errorf("a port that can't be bound: %s", got)
	}
}

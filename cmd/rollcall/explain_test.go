package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/watch/explain"
)

// setup returns the manifest of a broken set-up.
func setup(name string) string { return "../../watch/testdata/explain/" + name + ".yaml" }

// statusOf returns the exit status that an error means.
func statusOf(err error) int {
	if err == nil {
		return 0
	}
	return exit(err, io.Discard)
}

func TestExplainStatus(t *testing.T) {
	file := write(t, "web.yaml", web)
	tests := []struct {
		args   []string
		status int
		want   string // part of what is printed, or of the error
		reason string
	}{
		{[]string{"web", "-manifests", file}, 0, "web A AAAA, from a pod of namespace default: resolves.\n\n  web.default.svc.cluster.local. 5 IN A 10.0.0.1\n", "it is there"},
		{[]string{"wbe", "-manifests", file}, 1, "Namespace default has no Service wbe.\n  -> Did you mean Service web? web.default.svc.cluster.local resolves.\n", "it is not"},
		{[]string{"web", "aaaa", "-manifests", file}, 1, "web AAAA, from", "there is no address of the type"},
		{[]string{"10.0.0.1", "-manifests", file}, 0, "PTR web.default.svc.cluster.local.", "an address"},
		{[]string{"web.default.svc.example.org", "-manifests", file, "-zone", "example.org"}, 0, "5 IN A 10.0.0.1", "another zone"},
		{[]string{"nginx", "-manifests", setup("not-ready"), "-from", "default/client"}, 1, "nginx A AAAA, from Pod default/client: does not resolve.", "by a pod's own path"},
		{[]string{"web", "-manifests", file, "-from", "default/nobody"}, 2, "-from default/nobody: there is no such Pod", "whose path is not known"},
		{[]string{"-manifests", file}, 2, "explain needs a name: rollcall explain NAME [TYPE]", "usage"},
		{[]string{"web", "A", "x", "-manifests", file}, 2, `explain takes a name and a type, got "x" too`, "usage"},
		{[]string{"web", "x", "-manifests", file}, 2, `"x" is no type that can be asked for, as A, AAAA, SRV, PTR, TXT, CNAME`, "usage"},
		{[]string{"http://web:80/", "-manifests", file}, 2, `"http://web:80/" is no name: want the host's alone, as web.prod of http://web.prod:8080/`, "usage"},
		{[]string{"fd00::1", "-manifests", file}, 1, "ip6.arpa", "an address with colons"},
		{[]string{"", "-manifests", file}, 2, "the name is empty", "usage"},
		{[]string{"web", "-manifests", file, "-o", "yaml"}, 2, `-o "yaml": want text or json`, "usage"},
		{[]string{"web", "-manifests", file, "-from", "a/b/c"}, 2, "want NAMESPACE/POD, such as default/web-0, or NAMESPACE", "usage"},
		{[]string{"web", "-manifests", file, "-bogus"}, 2, "wrong usage: flag provided but not defined: -bogus; rollcall help explain says more", "usage"},
		{[]string{"web", "-manifests", file + ".missing"}, 2, "no such file", "nothing can be told"},
		{[]string{"web", "-server", "127.0.0.1", "-manifests", file}, 2, "-server excludes -manifests", "it has objects of its own"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			out, err := rollcall(t, "", append([]string{"explain"}, tt.args...)...)
			if err != nil {
				out += err.Error()
			}
			if got := statusOf(err); got != tt.status || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, want %d, and %q in %q: %s", got, tt.status, tt.want, out, tt.reason)
			}
		})
	}
}

func TestExplainJSON(t *testing.T) {
	out, err := rollcall(t, "", "explain", "-o", "json", "-manifests", setup("not-ready"), "-from", "default/client", "nginx")
	if statusOf(err) != statusUnresolved {
		t.Errorf("status %d, want %d", statusOf(err), statusUnresolved)
	}
	var r explain.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if r.Resolves || r.Cause.Code != "not-ready" || len(r.Tries) != 4 || r.Tries[0].Outcome != explain.NXDomain || len(r.Cause.Objects) != 2 {
		t.Errorf("%s", out)
	}
}

// TestExplainServer sees what a server tells that was told to explain, and one that
// was not.
func TestExplainServer(t *testing.T) {
	for _, tt := range []struct{ name, directive, want string }{
		{"explain", "explain", "The server says NXDOMAIN of nginx.default.svc.cluster.local.: a headless Service without a ready endpoint: 1 endpoint, 1 not ready.\n"},
		{"no explain", "", "The server says NXDOMAIN of nginx.default.svc.cluster.local., and not why.\n  -> The directive explain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			conf := write(t, "Corefile", ".:0 {\nbind 127.0.0.1\n"+tt.directive+"\nkubernetes cluster.local {\nmanifests "+setup("not-ready")+"\n}\n}\n")
			s := serve(t, "", "-conf", conf)
			addr := s.addr()
			out, err := rollcall(t, "", "explain", "-server", addr, "nginx")
			if statusOf(err) != statusUnresolved || !strings.Contains(out, tt.want) {
				t.Errorf("status %d, printed:\n%s\nwant status 1, and %q", statusOf(err), out, tt.want)
			}
			out, err = rollcall(t, "", "explain", "-server", addr, "web-2.nginx")
			if near := "does not resolve.\n\n  The server says NXDOMAIN of web-2.nginx.default.svc.cluster.local.: "; statusOf(err) != statusUnresolved || strings.Contains(out, near) != (tt.directive != "") {
				t.Errorf("status %d, printed:\n%s\nwant status 1, and first what there is a Service of", statusOf(err), out)
			}
			out, err = rollcall(t, "", "explain", "-server", addr, "dns-version.cluster.local.", "TXT")
			if err != nil || !strings.Contains(out, "resolves.") {
				t.Errorf("error %v, printed:\n%s\nwant a name that resolves", err, out)
			}
		})
	}
	t.Run("a packet is lost", func(t *testing.T) {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var lost atomic.Bool
		server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			if lost.Swap(true) {
				_ = w.WriteMsg(new(dns.Msg).SetRcode(m, dns.RcodeNameError)) // else the client tells
			}
		})}
		served := make(chan error, 1)
		go func() { served <- server.ActivateAndServe() }()
		out, err := rollcall(t, "", "explain", "-server", conn.LocalAddr().String(), "nginx.", "A")
		if statusOf(err) != statusUnresolved || !strings.Contains(out, "The server says NXDOMAIN of nginx.") {
			t.Errorf("status %d, printed:\n%s\nwant the second reply", statusOf(err), out)
		}
		if err := errors.Join(server.Shutdown(), <-served); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		out, err := rollcall(t, "", "explain", "-server", "127.0.0.1:1", "nginx")
		if statusOf(err) != statusUsage || out != "" {
			t.Errorf("status %d, printed %q, want 2 and nothing", statusOf(err), out)
		}
	})
}

// TestExit sees what each error makes of the process' end.
func TestExit(t *testing.T) {
	failed := errors.New("failed")
	tests := []struct {
		name   string
		err    error
		status int
		said   string
	}{
		{"an error", failed, 1, "rollcall: failed\n"},
		{"a status alone", &exitError{status: 3}, 3, ""},
		{"both", &exitError{2, failed}, 2, "rollcall: failed\n"},
		{"within another", errors.Join(failed, &exitError{status: 4}), 4, "rollcall: failed\nexit status 4\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			if got := exit(tt.err, &said); got != tt.status || said.String() != tt.said {
				t.Errorf("status %d, said %q; want %d, %q", got, said.String(), tt.status, tt.said)
			}
		})
	}
}

// TestExplainUnwritten sees that a report which nobody gets is no answer.
func TestExplainUnwritten(t *testing.T) {
	read, written := io.Pipe()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"explain", "wbe", "-manifests", write(t, "web.yaml", web)},
		streams{in: strings.NewReader(""), out: written, err: io.Discard})
	if statusOf(err) != statusUsage {
		t.Errorf("status %d, want %d: it is not told", statusOf(err), statusUsage)
	}
}

// TestExplainLate has an API server that takes connections and says nothing.
func TestExplainLate(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	config := write(t, "kubeconfig", strings.ReplaceAll(unreachable, "127.0.0.1:1", silent.Addr().String()))
	out, err := rollcall(t, "", "explain", "web", "-kubeconfig", config, "-timeout", "200ms")
	if want := "web.default.svc.cluster.local.: no answer within 200ms (-timeout waits longer)"; statusOf(err) != statusUsage || err.Error() != want || out != "" {
		t.Errorf("error %v, status %d, printed %q, want %q and %d", err, statusOf(err), out, want, statusUsage)
	}
}

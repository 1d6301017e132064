package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestServeControl has a test in another language change what is served.
func TestServeControl(t *testing.T) {
	dnstest.NoLeaks(t)
	socket := filepath.Join(t.TempDir(), "s")
	for _, addr := range []string{"127.0.0.1:0", "unix:" + socket} {
		t.Run(addr, func(t *testing.T) {
			s := serve(t, "", "-manifests", write(t, "web.yaml", web), "-listen", "127.0.0.1:0", "-control", addr, "-ready-json", "-")
			var line readyLine
			dnstest.Eventually(t, "the line of -ready-json", func() bool {
				return json.Unmarshal([]byte(s.out.String()), &line) == nil
			})
			url := line.Control
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			if path, ok := strings.CutPrefix(url, "unix:"); ok {
				url = "http://rollcall"
				client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					var d net.Dialer
					return d.DialContext(ctx, "unix", path)
				}}
			}
			at := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(line.Listeners[0].Port)))
			if got := dnstest.Ask(t, "udp", at, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA)); len(got.Answer) != 1 || got.Answer[0].Header().Ttl != 0 {
				t.Fatalf("before: %v, want an address that nobody keeps", got)
			}
			r, err := client.Post(url+"/v1/delete", "application/json", strings.NewReader(`{"kind": "Service", "name": "web"}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != http.StatusNoContent {
				t.Errorf("status %s", r.Status)
			}
			if got := dnstest.Ask(t, "udp", at, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA)); got.Rcode != dns.RcodeNameError {
				t.Errorf("after: %v", got)
			}
		})
	}
	t.Run("said", func(t *testing.T) {
		s := serve(t, "", "-manifests", write(t, "web.yaml", web), "-listen", "127.0.0.1:0", "-control", "127.0.0.1:0")
		dnstest.Eventually(t, "both addresses are printed", func() bool {
			control, dns, ok := strings.Cut(s.out.String(), "\n")
			return ok && strings.HasPrefix(control, "control on http://127.0.0.1:") && strings.HasPrefix(dns, "listening on 127.0.0.1:")
		})
	})
	t.Run("refused", func(t *testing.T) {
		_, err := rollcall(t, "", "-manifests", write(t, "web.yaml", web), "-listen", "127.0.0.1:0", "-control", "0.0.0.0:5380")
		if err == nil || !strings.Contains(err.Error(), `-control 0.0.0.0:5380: "0.0.0.0" is not of the loopback interface`) {
			t.Errorf("error %v", err)
		}
	})
}

// TestRunControl: the command knows where the API is.
func TestRunControl(t *testing.T) {
	dnstest.NoLeaks(t)
	addr := "unix:" + filepath.Join(t.TempDir(), "s")
	out, err := rollcall(t, "", "run", "-mode", "variables", "-manifests", write(t, "web.yaml", web), "-control", addr, "--",
		"sh", "-c", `echo "$ROLLCALL_CONTROL"; test -S "${ROLLCALL_CONTROL#unix:}"`)
	if err != nil || out != addr+"\n" {
		t.Errorf("%q, %v; want %s, and a socket there", out, err, addr)
	}
	if _, err := os.Stat(strings.TrimPrefix(addr, "unix:")); !os.IsNotExist(err) {
		t.Errorf("the socket is left over: %v", err)
	}
}

// TestForward says what becomes of names outside of the zones.
func TestForward(t *testing.T) {
	outside := serve(t, "", "-manifests", write(t, "web.yaml", strings.ReplaceAll(web, "10.0.0.1", "192.0.2.1")), "-listen", "127.0.0.1:0", "-zone", "example.org")
	file := write(t, "web.yaml", web)
	tests := []struct {
		args   []string
		name   string
		want   string
		reason string
	}{
		{nil, "web.default.svc.example.org.", "REFUSED", "none of our business"},
		{[]string{"-forward", "none"}, "web.default.svc.example.org.", "NXDOMAIN", "there is nothing else"},
		{[]string{"-forward", "none"}, "web.default.svc.cluster.local.", "10.0.0.1", "but the cluster"},
		{[]string{"-forward", outside.addr()}, "web.default.svc.example.org.", "192.0.2.1", "somebody else's"},
		{[]string{"-forward", outside.addr()}, "gone.default.svc.cluster.local.", "NXDOMAIN", "and not what is ours"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, "", append(tt.args, "-manifests", file, "-listen", "127.0.0.1:0")...)
			r := dnstest.Ask(t, "udp", s.addr(), dnstest.Question(tt.name, dns.TypeA))
			got := dns.RcodeToString[r.Rcode]
			if len(r.Answer) == 1 {
				got = r.Answer[0].(*dns.A).A.String()
			}
			if got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	if _, err := rollcall(t, "", "-manifests", file, "-listen", "127.0.0.1:0", "-forward", "a server"); err == nil || !strings.HasPrefix(err.Error(), `-forward "a server": want the IP address of a DNS server`) {
		t.Errorf("error %v, want what -forward takes", err)
	}
}

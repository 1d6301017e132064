package forward_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
)

// secure returns a server of HTTPS with a certificate for 127.0.0.1 and
// example.com, and the path of a file with its authority.
func secure(t *testing.T, h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	return secureAt(t, nil, h)
}

// secureAt is secure at a listener that wrap makes of the server's own.
func secureAt(t *testing.T, wrap func(net.Listener) net.Listener, h http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if wrap != nil {
		s.Listener = wrap(s.Listener)
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, path
}

func TestTLS(t *testing.T) {
	dnstest.NoLeaks(t)
	web, ca := secure(t, http.NotFound)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan struct{})
	srv := &dns.Server{Listener: l, Handler: answers("192.0.2.1"), NotifyStartedFunc: func() { close(started) }}
	go func() {
		defer close(ended)
		_ = srv.ActivateAndServe()
	}()
	dnstest.Receive(t, "the start", started)
	t.Cleanup(func() {
		_ = srv.Shutdown()
		<-ended
	})
	target := forward.Target{Protocol: forward.TLS, Addr: netip.MustParseAddrPort(l.Addr().String())}
	tests := []struct {
		ca, name, own string
		want, reason  string
	}{
		{ca, "", "", "192.0.2.1", "the certificate is for the address"},
		{ca, "example.com", "", "192.0.2.1", "and for tls_servername"},
		{ca, "", "example.com", "192.0.2.1", "and for the target's own name"},
		{ca, "example.org", "", "SERVFAIL", "but for no other name"},
		{"", "", "", "SERVFAIL", "the system does not know the authority"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			target.ServerName = tt.own
			c := config(t, target)
			c.TLS.CA, c.ServerName, c.MaxConnectAttempts = tt.ca, tt.name, 1
			h := start(t, c, forward.Deps{})
			for range 2 {
				if got := ask(t, h, resolver.UDP, question()); got.addr() != tt.want {
					t.Errorf("%s: got %s, want %s: %v", tt.reason, got.addr(), tt.want, got.err)
				}
			}
		})
	}
}

func TestHTTPS(t *testing.T) {
	dnstest.NoLeaks(t)
	var method, host atomic.Value
	mode := "" // how the server is at fault
	s, ca := secure(t, func(w http.ResponseWriter, r *http.Request) {
		method.Store(r.Method)
		host.Store(r.Host)
		b, err := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			b, err = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
		}
		m := new(dns.Msg)
		if err != nil || m.Unpack(b) != nil || m.Id != 0 || r.URL.Path != "/dns-query" || r.Header.Get("Accept") != "application/dns-message" || mode == "status" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		out := reply(m, "192.0.2.1")
		if mode == "question" {
			out.Question[0].Name = "xxx.example.org."
		}
		b, _ = out.Pack()
		if mode != "type" {
			w.Header().Set("Content-Type", "application/dns-message")
		}
		if mode == "long" {
			b = append(b, make([]byte, 70000)...)
		}
		_, _ = w.Write(b)
	})
	target := forward.Target{Protocol: forward.HTTPS, Addr: netip.MustParseAddrPort(s.Listener.Addr().String())}
	tests := []struct{ mode, method, name, want, reason string }{
		{"", http.MethodPost, "", "192.0.2.1", "RFC 8484 section 4.1"},
		{"", http.MethodGet, "", "192.0.2.1", "RFC 8484 section 4.1"},
		{"", http.MethodPost, "example.com", "192.0.2.1", "the name is that of the host too"},
		{"status", http.MethodPost, "", "SERVFAIL", "no success"},
		{"type", http.MethodPost, "", "SERVFAIL", "another media type"},
		{"question", http.MethodPost, "", "SERVFAIL", "another question"},
		{"long", http.MethodPost, "", "SERVFAIL", "more than a message can be"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.mode+" "+tt.name, func(t *testing.T) {
			mode = tt.mode
			c := config(t, target)
			c.TLS.CA, c.ServerName, c.DoHMethod = ca, tt.name, tt.method
			got := ask(t, start(t, c, forward.Deps{}), resolver.UDP, question())
			if got.addr() != tt.want {
				t.Errorf("%s: got %s, want %s: %v", tt.reason, got.addr(), tt.want, got.err)
			}
			want := tt.name
			if want == "" {
				want = target.Addr.String()
			}
			if method.Load() != tt.method || host.Load() != want {
				t.Errorf("%s: method %v, host %v, want %s, %s", tt.reason, method.Load(), host.Load(), tt.method, want)
			}
		})
	}
}

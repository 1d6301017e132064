package https_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// start serves the fixture's zones, and returns the URL and a client.
func start(t *testing.T) (string, *http.Client) {
	t.Helper()
	return startWith(t, 5*time.Second, &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}})
}

// startWith serves a handler. A request may take timeout to arrive, and a
// connection may wait as long between two.
func startWith(t *testing.T, timeout time.Duration, h resolver.Handler) (string, *http.Client) {
	t.Helper()
	cert, key, roots := dnstest.Certificate(t, t.TempDir(), "dns.example")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := https.Listen(https.ServerConfig{
		Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, MaxConns: 10,
		Responder:   &resolver.Responder{Handler: h},
		ReadTimeout: timeout, WriteTimeout: 5 * time.Second, IdleTimeout: timeout, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve()
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		dnstest.Receive(t, "Serve's end", served)
	})
	return "https://" + s.Addr().String() + "/dns-query", client
}

func TestQueries(t *testing.T) {
	dnstest.NoLeaks(t)
	url, client := start(t)
	known := dnstest.Pack(t, dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
	unknown := dnstest.Pack(t, dnstest.Question("no.default.svc.cluster.local.", dns.TypeA))
	update := dnstest.Question("web.default.svc.cluster.local.", dns.TypeA)
	update.Opcode = dns.OpcodeUpdate
	param := func(b []byte) string { return "?dns=" + base64.RawURLEncoding.EncodeToString(b) }
	const message = "application/dns-message"
	tests := []struct {
		name, method, query, contentType string
		body                             []byte
		status, rcode                    int
		fresh, reason                    string
	}{
		{"get", "GET", param(known), "", nil, 200, dns.RcodeSuccess, "max-age=5", "RFC 8484 section 4.1; 5.1: the least TTL"},
		{"post", "POST", "", message, known, 200, dns.RcodeSuccess, "max-age=5", "RFC 8484 section 4.1"},
		{"denied", "GET", param(unknown), "", nil, 200, dns.RcodeNameError, "max-age=1", "RFC 8484 section 5.1: the SOA's minimum"},
		{"an update", "POST", "", message, dnstest.Pack(t, update), 200, dns.RcodeNotImplemented, "max-age=0", "CVE-2026-86003: nothing but queries"},
		{"no parameter", "GET", "", "", nil, 400, 0, "", "there is no query"},
		{"two", "GET", param(known) + "&dns=AA", "", nil, 400, 0, "", "which of them?"},
		{"padded", "GET", "?dns=AAAA=", "", nil, 400, 0, "", "RFC 8484 section 6: base64url without padding"},
		{"a reply", "POST", "", message, append(append([]byte{}, known[:2]...), append([]byte{0x80}, known[3:]...)...), 400, 0, "", "replies are not answered"},
		{"short", "POST", "", message, known[:5], 400, 0, "", "no header"},
		{"another type", "POST", "", "text/plain", known, 415, 0, "", "RFC 8484 section 4.1"},
		{"too long a body", "POST", "", message, make([]byte, 1<<16), 413, 0, "", "a message has 65535 octets"},
		{"another method", "PUT", "", message, known, 405, 0, "", "GET and POST alone"},
		{"another path", "GET", "/x", "", nil, 404, 0, "", "there is one path"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.query, bytes.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			w, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Body.Close()
			body, err := io.ReadAll(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if w.StatusCode != tt.status {
				t.Fatalf("%s: status %d, want %d: %s", tt.reason, w.StatusCode, tt.status, body)
			}
			if tt.status != 200 {
				return
			}
			if got := dnstest.Unpack(t, body).Rcode; got != tt.rcode || w.Header.Get("Cache-Control") != tt.fresh || w.Header.Get("Content-Type") != message {
				t.Errorf("%s: rcode %d, want %d; %v", tt.reason, got, tt.rcode, w.Header)
			}
		})
	}
}

// TestLongURL sends by HTTP/1.1 a header that a client of HTTP/2 would not: it is
// refused before anything is decoded (CVE-2026-32936).
func TestLongURL(t *testing.T) {
	url, client := start(t)
	transport := client.Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2, transport.TLSClientConfig.NextProtos = false, nil
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	defer transport.CloseIdleConnections()
	w, err := (&http.Client{Transport: transport}).Get(url + "?dns=" + strings.Repeat("A", 1<<16))
	if err != nil {
		t.Fatalf("%.200s", err.Error())
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", w.StatusCode)
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"https", "{200}", "CVE-2025-68151: a bound by default, CoreDNS's"},
		{"https {\nmax_connections 0\n}", "{0}", "no bound"},
		{"https {\nmax_connections 7\n}", "{7}", "a bound"},
		{"https x", `Corefile:2: https: takes no arguments, got "x"`, "no arguments"},
		{"https {\nmax_connections -1\n}", `Corefile:3: max_connections: wants an integer, 0 to 1048576, got "-1"`, "not below 0"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := https.Parse(dnstest.Directive(t, tt.text))
			got := fmt.Sprint(c)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader("https://. {\n    https {\n        max_connections 50\n    }\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := https.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.MaxConns, err)
	// Output: 50 <nil>
}

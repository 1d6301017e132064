package assemble_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// TestSchemes serves one zone by TLS and by HTTPS.
func TestSchemes(t *testing.T) {
	cert, key, roots := dnstest.Certificate(t, t.TempDir(), "dns.example")
	dir := manifest(t, "web=10.0.0.1")
	block := func(scheme string) string {
		return fmt.Sprintf("%s://.:0 {\nbind 127.0.0.1\ntls %s %s\nkubernetes cluster.local {\nmanifests %s\n}\n}\n", scheme, cert, key, dir)
	}
	question := dnstest.Question("web.default.svc.cluster.local.", dns.TypeA)
	secure := &tls.Config{RootCAs: roots, NextProtos: []string{"dot"}}
	t.Run("tls", func(t *testing.T) {
		at := start(t, block("tls")).addr()
		c := dns.Client{Net: "tcp-tls", TLSConfig: secure}
		r, _, err := c.Exchange(question, at)
		if err != nil || len(r.Answer) != 1 {
			t.Errorf("%v, %v", r, err)
		}
		plain := dns.Client{Net: "tcp"}
		if r, _, err := plain.Exchange(question, at); err == nil {
			t.Errorf("answered without TLS: %v", r)
		}
	})
	t.Run("https", func(t *testing.T) {
		at := start(t, block("https")).addr()
		c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
		defer c.CloseIdleConnections()
		r, err := c.Post("https://"+at+"/dns-query", "application/dns-message", bytes.NewReader(dnstest.Pack(t, question)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if m := dnstest.Unpack(t, body); len(m.Answer) != 1 || r.ProtoMajor != 2 {
			t.Errorf("by %s: %v", r.Proto, m)
		}
	})
}

func TestSchemeErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"tls://. {\n}", "Corefile:1: tls://.:853 needs a certificate: tls CERT KEY in the server block", "no certificate"},
		{"https://.:1 {\n}", "Corefile:1: https://.:1 needs a certificate: tls CERT KEY in the server block", "no certificate"},
		{"quic://. {\n}", "Corefile:1: quic:// in \"quic://.\" is not supported", "CVE-2025-47950, CVE-2026-32934: there is no QUIC to be flooded by"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			_, err := tryLoad(tt.text)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
			}
		})
	}
}

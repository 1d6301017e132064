package tls_test

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/tls"
)

func TestParse(t *testing.T) {
	const fromFiles = "is not supported; certificates come from files, tls CERT KEY [CA]"
	tests := []struct{ text, want, reason string }{
		{"tls c k", "{c k  NoClientCert}", "the least"},
		{"tls c k ca", "{c k ca NoClientCert}", "an authority"},
		{"tls c k {\nclient_auth verify_if_given\n}", "{c k  VerifyClientCertIfGiven}", "clients with a certificate"},
		{"tls c k ca {\nclient_auth require_and_verify\n}", "{c k ca RequireAndVerifyClientCert}", "clients must have one"},
		{"tls c", `Corefile:2: tls: wants CERT KEY [CA], got "c"`, "no key"},
		{"tls c k {\nclient_auth yes\n}", `Corefile:3: client_auth: wants one of nocert, request, require, verify_if_given, require_and_verify, got "yes"`, "a slip"},
		{"tls c k {\nkeylog f\n}", "Corefile:3: keylog: " + fromFiles, "secrets are not written"},
		{"tls {\nacme example.org\n}", "Corefile:3: acme: " + fromFiles, "refused by its name"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := tls.Parse(dnstest.Directive(t, tt.text))
			got := fmt.Sprint(c)
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := dnstest.Certificate(t, dir, "a.example")
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		config tls.Config
		want   string
	}{
		{tls.Config{Cert: "/nowhere", Key: key}, "certificate /nowhere with key " + key + ": open /nowhere: no such file or directory"},
		{tls.Config{Cert: cert, Key: cert}, "certificate " + cert + " with key " + cert},
		{tls.Config{Cert: cert, Key: key, CA: empty}, "authority of clients: " + empty + " has no certificate in PEM format"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			if _, err := tt.config.Load(slog.New(slog.DiscardHandler), time.Now); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestRenewed has the files change under a server.
func TestRenewed(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := dnstest.Certificate(t, dir, "first.example")
	now := time.Now()
	var log strings.Builder
	c, err := tls.Config{Cert: cert, Key: key}.Load(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		t.Helper()
		certificate, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(certificate.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	dnstest.Certificate(t, dir, "second.example")
	if got := shown(); got != "first.example" {
		t.Errorf("at once: %s", got)
	}
	now = now.Add(10 * time.Second)
	if got := shown(); got != "second.example" {
		t.Errorf("after a while: %s", got)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(10 * time.Second)
	if got := shown(); got != "second.example" || !strings.Contains(log.String(), "the old certificate stays") {
		t.Errorf("with a broken file: %s; the log:\n%s", got, log.String())
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader("tls://. {\n    tls cert.pem key.pem\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := tls.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Cert, c.Key, err)
	// Output: cert.pem key.pem <nil>
}

package https_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
)

// TestStreams opens more streams on one connection than it may have, as no client
// of good manners does: those over the bound are refused, and no goroutine waits for
// them (CVE-2025-68151).
func TestStreams(t *testing.T) {
	const streams, most = 600, 256
	var running atomic.Int64
	release := make(chan struct{})
	url, client := startWith(t, 30*time.Second, resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome {
		running.Add(1)
		<-release
		return resolver.NoData
	}))
	defer close(release)
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	c, err := tls.Dial("tcp", address(url), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var request bytes.Buffer
	fields := hpack.NewEncoder(&request)
	query := base64.RawURLEncoding.EncodeToString(dnstest.Pack(t, dnstest.Question("www.example.", dns.TypeA)))
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "dns.example"}, {Name: ":path", Value: "/dns-query?dns=" + query},
	} {
		f.Sensitive = true // so that the same octets mean the same again
		if err := fields.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(c, c)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		var errs []error
		for i := range uint32(streams) {
			errs = append(errs, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: request.Bytes(), EndStream: true, EndHeaders: true}))
		}
		written <- errors.Join(errs...)
	}()
	for refused := 0; refused < streams-most; {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d refusals: %v", refused, err)
		}
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			refused++
		case *http2.GoAwayFrame:
			t.Fatalf("after %d refusals the connection ended: %v", refused, f.ErrCode)
		}
	}
	if err := dnstest.Receive(t, "all are written", written); err != nil {
		t.Fatal(err)
	}
	dnstest.Eventually(t, "as many are under way as may be", func() bool { return running.Load() == most })
}

// address returns the host and port of a URL.
func address(url string) string {
	return strings.TrimSuffix(strings.TrimPrefix(url, "https://"), "/dns-query")
}

// TestSlow sees that whoever begins and does not go on is cut off (CVE-2026-32934):
// in the handshake, before a request, in its header and in its body.
func TestSlow(t *testing.T) {
	url, client := startWith(t, 200*time.Millisecond, &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}})
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	const (
		post = "POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Type: application/dns-message\r\nContent-Length: 40\r\n\r\n"
		h2   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" // and empty settings
	)
	tests := []struct{ name, protocol, send string }{ // no protocol: in the clear
		{"before the handshake", "", ""},
		{"in the handshake", "", "\x16\x03\x01\x40\x00\x01"},
		{"silent", "http/1.1", ""},
		{"in the header", "http/1.1", post[:30]},
		{"in the body", "http/1.1", post + "\x12"},
		{"HTTP/2, silent", "h2", h2},
		{"HTTP/2, in a frame", "h2", h2 + "\x00\x00\x20\x01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain, err := net.Dial("tcp", address(url))
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			if err := plain.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			c := plain
			if tt.protocol != "" {
				secure := config.Clone()
				secure.NextProtos, secure.ServerName = []string{tt.protocol}, "dns.example"
				c = tls.Client(plain, secure)
			}
			if _, err := io.WriteString(c, tt.send); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open")
			}
		})
	}
}

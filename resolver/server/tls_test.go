package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// certificate returns the two sides of a connection to 127.0.0.1: a server's with a
// certificate that it signed itself, and a client's that trusts it.
func certificate(t *testing.T) (serverSide, clientSide *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// secure connects to s by TLS.
func secure(t *testing.T, s *server.Server, config *tls.Config) *tls.Conn {
	t.Helper()
	c, err := trySecure(t, s, config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// trySecure is secure where the handshake may fail.
func trySecure(t *testing.T, s *server.Server, config *tls.Config) (*tls.Conn, error) {
	t.Helper()
	config = config.Clone()
	config.ServerName = "127.0.0.1"
	c := tls.Client(dial(t, "tcp", s), config)
	return c, c.Handshake()
}

func TestTLS(t *testing.T) {
	ours, theirs := certificate(t)
	p := newPatient()
	s := start(t, p, server.Config{TLS: ours})
	t.Run("client", func(t *testing.T) {
		client := dns.Client{Net: "tcp-tls", TLSConfig: theirs, Timeout: 30 * time.Second}
		m := dnstest.Question("name.example.", dns.TypeA)
		m.Id = 100
		r, _, err := client.Exchange(m, s.Addr().String())
		if err != nil || len(r.Answer) != 1 {
			t.Errorf("error %v, reply\n%v", err, r)
		}
	})
	t.Run("pipelined, out of order, half-closed", func(t *testing.T) {
		c := secure(t, s, theirs)
		write(t, c, queries(t, 1, 100, 101))
		wantReply(t, c, 100)
		wantReply(t, c, 101)
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		p.begun(t, 1)
		close(p.release)
		wantReplies(t, c, 1)
		wantClosed(t, c)
	})
	t.Run("no TLS", func(t *testing.T) {
		c := dial(t, "tcp", s)
		write(t, c, framed(t, 100))
		if b, err := readFrame(c); err == nil && len(b) >= 12 && dnstest.Unpack(t, b).Id == 100 {
			t.Error("a plain query is answered")
		}
	})
	t.Run("no UDP", func(t *testing.T) {
		c, err := net.ListenPacket("udp", s.Addr().String())
		if err != nil {
			t.Fatalf("RFC 7858 is of streams alone: %v", err)
		}
		c.Close()
	})
}

// TestTLSSlow sees that connections which are not secure in time are cut, however
// steadily they go on, and secure ones that idle as well (CVE-2026-32934).
func TestTLSSlow(t *testing.T) {
	ours, theirs := certificate(t)
	const long, short = time.Minute, 100 * time.Millisecond
	hello := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 10_000)...) // a record that promises 16 KiB
	t.Run("silent", func(t *testing.T) {
		s := start(t, records(1), server.Config{TLS: ours, IdleTimeout: long, ReadTimeout: short})
		wantClosed(t, dial(t, "tcp", s))
	})
	t.Run("byte by byte", func(t *testing.T) {
		s := start(t, records(1), server.Config{TLS: ours, IdleTimeout: long, ReadTimeout: short})
		c := dial(t, "tcp", s)
		sent := 0
		dnstest.Eventually(t, "the connection is closed", func() bool {
			if sent == len(hello) {
				t.Fatal("all is sent, and it is still open")
			}
			_, err := c.Write(hello[sent : sent+1])
			sent++
			return err != nil
		})
	})
	t.Run("idle", func(t *testing.T) {
		s := start(t, records(1), server.Config{TLS: ours, IdleTimeout: short, ReadTimeout: long})
		wantClosed(t, secure(t, s, theirs))
	})
	t.Run("in a message", func(t *testing.T) {
		s := start(t, records(1), server.Config{TLS: ours, IdleTimeout: long, ReadTimeout: short})
		var c *tls.Conn
		dnstest.Eventually(t, "a handshake in time", func() bool {
			var err error
			c, err = trySecure(t, s, theirs)
			return err == nil
		})
		_, _ = c.Write(framed(t, 1)[:5]) // it may be closed by then, if the machine is busy
		wantClosed(t, c)
	})
}

func TestTLSShutdown(t *testing.T) {
	dnstest.NoLeaks(t)
	ours, theirs := certificate(t)
	p := newPatient()
	s := start(t, p, server.Config{TLS: ours})
	c, unready := secure(t, s, theirs), dial(t, "tcp", s)
	write(t, c, queries(t, 1, 100))
	wantReply(t, c, 100)
	p.begun(t, 1)
	result := shutdown(s, time.Minute)
	close(p.release)
	wantReplies(t, c, 1)
	wantClosed(t, c)
	wantClosed(t, unready)
	if err := dnstest.Receive(t, "Shutdown's end", result); err != nil {
		t.Error(err)
	}
}

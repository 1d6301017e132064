package corefiles

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"

	"github.com/rollcall-dns/rollcall/test/certificate"
)

// The names of certificates: of the relays, which the system trusts, of the company's
// resolvers, which are Unbounds, and of a server that a Corefile makes of Rollcall.
const (
	relayName   = "cloudflare-dns.com"
	companyName = "dns.corp.example"
	serverName  = "dns.example.net"
)

// relayCertificate is what relays show. TestMain sets it.
var relayCertificate tls.Certificate

// makeCertificate makes a certificate for a name, signed by itself, and writes it and
// its key to NAME.crt and NAME.key.
func makeCertificate(dir, name string) (tls.Certificate, error) {
	return certificate.Write(filepath.Join(dir, name), &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 2)}, // not the server's: the name counts
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, nil)
}

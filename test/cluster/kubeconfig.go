package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/rollcall-dns/rollcall/test/certificate"
)

// AdminKubeconfig is the path of a kubeconfig that may do everything.
func (c *Cluster) AdminKubeconfig() string { return c.path("admin.kubeconfig") }

// Kubeconfig writes a kubeconfig with a token of a ServiceAccount, which must
// exist, and returns its path. What it may do is what RBAC gives that account.
// The token holds for a day.
func (c *Cluster) Kubeconfig(ctx context.Context, namespace, serviceAccount string) (string, error) {
	day := int64(24 * 60 * 60)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &day}}
	reply, err := c.client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("asking for a token of %s/%s: %w", namespace, serviceAccount, err)
	}
	path := c.path(namespace + "." + serviceAccount + ".kubeconfig")
	return path, c.writeKubeconfig(path, reply.Status.Token)
}

// Certificate makes a client's certificate by which the API server knows a user, for
// a day, and writes it to USER.crt in Dir, with its key in USER.key. The authority of
// the API server's own certificate is apiserver.crt there.
func (c *Cluster) Certificate(user string) error {
	signer, err := tls.LoadX509KeyPair(c.path("clients.crt"), c.path("clients.key"))
	if err != nil {
		return fmt.Errorf("reading the authority of clients: %w", err)
	}
	_, err = certificate.Write(c.path(user), &x509.Certificate{
		Subject: pkix.Name{CommonName: user}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, &signer)
	return err
}

// writeKubeconfig writes a kubeconfig for a bearer token. The API server signs
// its certificate itself, in a file that holds the whole chain, so that clients
// verify it as they would anywhere.
func (c *Cluster) writeKubeconfig(path, token string) error {
	const name = "test"
	config := clientcmdapi.Config{
		CurrentContext: name,
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server:               c.URL(),
			CertificateAuthority: c.path("apiserver.crt"),
		}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {Token: token}},
		Contexts:  map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
	}
	if err := clientcmd.WriteToFile(config, path); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}

// writeSecrets makes what the API server reads when it starts: the key that
// signs ServiceAccounts' tokens, the administrator's token, and the authority of
// clients' certificates.
func (c *Cluster) writeSecrets() error {
	authority := &x509.Certificate{
		Subject: pkix.Name{CommonName: "clients"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if _, err := certificate.Write(c.path("clients"), authority, nil); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the token key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the token key: %w", err)
	}
	secret := make([]byte, 16)
	rand.Read(secret) // never fails
	token := hex.EncodeToString(secret)

	files := map[string][]byte{
		"tokens.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}),
		"tokens.csv": []byte(token + ",admin,admin,system:masters\n"),
	}
	for name, text := range files {
		if err := os.WriteFile(c.path(name), text, 0o600); err != nil {
			return fmt.Errorf("writing the API server's secrets: %w", err)
		}
	}
	return c.writeKubeconfig(c.AdminKubeconfig(), token)
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// URL is the API server's.
func (c *Cluster) URL() string { return "https://" + loopback + ":" + c.ports.api }

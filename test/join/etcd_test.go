package join

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/client/pkg/v3/srv"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/test/certificate"
	"github.com/rollcall-dns/rollcall/test/process"
)

// TestEtcd has three members of a new cluster find one another with --discovery-srv, by
// the manifests of docs/discovery.md, and a client find them with etcd's library.
func TestEtcd(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, manifest(t, "etcd"))
	runAll(t, pods)
	useEtcd(t, ns, "http", nil)

	// What the members made of the SRV records, by the function that they have for it.
	domain := "etcd." + ns + ".svc.cluster.local"
	own := "http://etcd-0." + domain + ":2380"
	got, err := srv.GetCluster("http", "etcd-server", "etcd-0", domain, urls(t, own))
	if err != nil {
		t.Fatal(err)
	}
	// Members that are not oneself are called by their number among the records.
	want := []string{"etcd-0=" + own}
	for _, member := range got {
		if name, url, _ := strings.Cut(member, "="); name != "etcd-0" {
			want = append(want, name+"=http://etcd-"+string(url[len("http://etcd-")])+"."+domain+":2380")
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(got) != len(pods) {
		t.Errorf("the cluster as etcd-0 finds it (-want +got):\n%s", diff)
	}
}

// TestEtcdTLS has members that let only peers in. What a member shows when it connects is
// a certificate for all names below the Service's and no other, so that nothing but the
// PTR record of its address says that it is the member's: who has the certificate and no
// such record is not let in.
func TestEtcdTLS(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	domain := "etcd." + ns + ".svc.cluster.local"
	config := etcdSecret(t, ns, domain)
	pods := statefulSet(t, ns, strings.NewReplacer(
		"etcd-server,", "etcd-server-ssl,", "etcd-client,", "etcd-client-ssl,", "http://", "https://",
		"        volumeMounts: [", `        - --peer-client-cert-auth
        - --peer-trusted-ca-file=/tls/ca.crt
        - --peer-cert-file=/tls/tls.crt
        - --peer-key-file=/tls/tls.key
        - --peer-client-cert-file=/tls/peer.crt
        - --peer-client-key-file=/tls/peer.key
        - --client-cert-auth
        - --trusted-ca-file=/tls/ca.crt
        - --cert-file=/tls/tls.crt
        - --key-file=/tls/tls.key
        volumeMounts: [{name: tls, mountPath: /tls}, `,
		"volumes: [", "volumes: [{name: tls, secret: {secretName: etcd}}, ",
	).Replace(manifest(t, "etcd")))
	runAll(t, pods)
	useEtcd(t, ns, "https", config)

	// The same certificate from an address without a name, which is that of the tests.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: within}
	letIn := func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://etcd-0."+domain+":2380/version", nil)
		if err != nil {
			return err
		}
		reply, err := client.Do(request)
		if err != nil {
			return err
		}
		return reply.Body.Close()
	}
	if err := letIn(t.Context()); err == nil {
		t.Errorf("etcd-0 lets in who has the members' certificate and no name below %s", domain)
	}
	said, err := os.ReadFile(pods[0].log("etcd"))
	if reason := gateway4 + `\" does not match any of DNSNames`; err != nil || !strings.Contains(string(said), reason) {
		t.Errorf("etcd-0 does not say %q of it (%v)", reason, err)
	}
	named := fmt.Sprintf(outsider, gateway4)
	if err := shared.Apply(t.Context(), ns, named); err != nil {
		t.Fatal(err)
	}
	if err := process.Within(t.Context(), within, letIn); err != nil {
		t.Errorf("etcd-0 does not let in who has a name below %s by now: %v", domain, err)
	}
}

// outsider gives an address that is no pod's a name below the Service of etcd.
const outsider = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: etcd-outsider, labels: {kubernetes.io/service-name: etcd}}
addressType: IPv4
endpoints: [{addresses: [%s], hostname: outsider}]
`

// useEtcd finds etcd's members as clients do, and uses them once they are all there.
func useEtcd(t *testing.T, ns, scheme string, config *tls.Config) {
	t.Helper()
	service, domain := "etcd-client", "etcd."+ns+".svc.cluster.local"
	found, err := srv.GetClient(service, domain, "")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprintf("%s://etcd-%d.%s.:2379", scheme, i, domain))
	}
	slices.Sort(found.Endpoints)
	if diff := cmp.Diff(want, found.Endpoints); diff != "" {
		t.Errorf("%s: the client's endpoints (-want +got):\n%s", service, diff)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: found.Endpoints, TLS: config, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, errors.New("the cluster did not form in time"))
	defer cancel()
	if _, err := client.Put(ctx, "who", "all"); err != nil {
		t.Fatal(errors.Join(err, context.Cause(ctx)))
	}
	list, err := client.MemberList(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var members []string
	for _, m := range list.Members {
		members = append(members, m.PeerURLs...)
		// Each by itself, as it may be that one is there only by name.
		for _, url := range m.ClientURLs {
			if _, err := client.Status(ctx, url); err != nil {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	slices.Sort(members)
	for i := range want {
		want[i] = fmt.Sprintf("%s://etcd-%d.%s:2380", scheme, i, domain)
	}
	if diff := cmp.Diff(want, members); diff != "" {
		t.Errorf("the members (-want +got):\n%s", diff)
	}
}

// etcdSecret makes the Secret "etcd" with the certificates of all members: tls as servers,
// for the name of the cluster, too, and peer as clients. It returns what a client needs.
func etcdSecret(t *testing.T, ns, domain string) *tls.Config {
	t.Helper()
	dir := t.TempDir()
	authority, err := certificate.Write(filepath.Join(dir, "ca"), &x509.Certificate{
		Subject: pkix.Name{CommonName: "etcd"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	member := &x509.Certificate{Subject: pkix.Name{CommonName: "member"}, DNSNames: []string{"*." + domain, domain}, ExtKeyUsage: usage}
	if _, err := certificate.Write(filepath.Join(dir, "tls"), member, &authority); err != nil {
		t.Fatal(err)
	}
	peer := &x509.Certificate{Subject: pkix.Name{CommonName: "peer"}, DNSNames: []string{"*." + domain}, ExtKeyUsage: usage}
	pair, err := certificate.Write(filepath.Join(dir, "peer"), peer, &authority)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "etcd"}, Data: map[string][]byte{}}
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key", "peer.crt", "peer.key"} {
		if secret.Data[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := shared.Client().CoreV1().Secrets(ns).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

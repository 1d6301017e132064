package clients

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dns/rollcall/test/isolate"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// The addresses of servers, all at port 53.
const (
	clusterDNS = "10.96.0.10" // Rollcall with kubeadm's Corefile
	unsynced   = "10.96.0.11" // Rollcall that has never reached its API server
	cutOff     = "10.96.0.12" // Rollcall whose upstream is gone
	mistaken   = "10.96.0.13" // answers wrongly; see faults
	walking    = "10.96.0.14" // Rollcall that walks the search path of pods
	upstream   = "127.0.0.1"  // Knot DNS, the world outside
)

// network makes the pod's interface: addresses of both families, without which
// programs leave one of them out (RFC 3493 section 6.1, AI_ADDRCONFIG), and routes
// that make every address of a Service, a pod or the world outside one of this
// machine's.
const network = `link set lo up
addr add 10.244.0.5/32 dev lo
addr add fd00:10:244::5/128 dev lo nodad
route add local 10.96.0.0/16 dev lo
route add local 10.244.0.0/16 dev lo
route add local 203.0.113.0/24 dev lo
route add local fd00:10:96::/112 dev lo
route add local fd00:10:244::/48 dev lo
route add local 2001:db8::/32 dev lo
`

// enterWorld sets up the namespaces that the process is in. What it changes goes
// with them. The resolv.conf is the servers'; each client gets a pod's.
func enterWorld(ctx context.Context) error {
	if err := isolate.Enter(ctx, network); err != nil {
		return err
	}
	for path, text := range map[string]string{
		"/etc/resolv.conf":   "nameserver " + upstream + "\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
	} {
		if err := isolate.File(prepared.Dir, path, text); err != nil {
			return err
		}
	}
	return nil
}

// manifests is the folder that Rollcall serves.
func manifests() string { return filepath.Join(prepared.Dir, "manifests") }

// startWorld starts the servers, and returns those that run, also with an error.
func startWorld(ctx context.Context) (started []*process.Process, err error) {
	zones, err := peers.ZonePaths("testdata/zones", map[string]string{".": "root", "example.org.": "example.org", "113.0.203.in-addr.arpa.": "203.0.113"})
	if err != nil {
		return nil, err
	}
	knot, err := peers.Knot(ctx, prepared.Dir, zones, peers.Options{Port: "53"})
	if err != nil {
		return nil, err
	}
	started = append(started, knot.Process)

	if err := os.CopyFS(manifests(), os.DirFS("testdata/manifests")); err != nil {
		return started, fmt.Errorf("copying the manifests: %w", err)
	}
	if err := os.WriteFile(filepath.Join(manifests(), "many.yaml"), []byte(manyManifest()), 0o644); err != nil {
		return started, fmt.Errorf("writing the manifests: %w", err)
	}
	corefiles, err := corefiles()
	if err != nil {
		return started, err
	}
	for addr, text := range corefiles {
		own := filepath.Join(prepared.Dir, addr)
		conf := filepath.Join(own, "Corefile")
		if err := os.Mkdir(own, 0o755); err != nil {
			return started, fmt.Errorf("creating a folder: %w", err)
		}
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			return started, fmt.Errorf("writing a Corefile: %w", err)
		}
		server, err := rollcall.Run(ctx, prepared.Rollcall, own, "-conf", conf)
		if err != nil {
			return started, err
		}
		started = append(started, server.Process)
	}
	return started, nil
}

// corefiles returns the Rollcalls' Corefiles, by address.
func corefiles() (map[string]string, error) {
	text, err := os.ReadFile("../corefiles/testdata/kubeadm.corefile")
	if err != nil {
		return nil, fmt.Errorf("reading kubeadm's Corefile: %w", err)
	}
	// Manifests stand for the API server, and one network namespace for the pods'.
	const first, zones = ".:53 {\n", "kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
	kubeadm := strings.NewReplacer(
		first, first+"    bind "+clusterDNS+"\n",
		zones, zones+"       manifests "+manifests()+"\n",
	).Replace(string(text))
	if strings.Count(kubeadm, "\n") != strings.Count(string(text), "\n")+2 {
		return nil, fmt.Errorf("kubeadm's Corefile has not the lines\n%s%s", first, zones)
	}

	// Nothing listens at the API server's address, nor at the upstream's.
	kubeconfig := filepath.Join(prepared.Dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(nowhere), 0o644); err != nil {
		return nil, fmt.Errorf("writing a kubeconfig: %w", err)
	}
	const block = ".:53 {\n    bind %s\n    errors\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n" +
		"        %s\n        fallthrough in-addr.arpa ip6.arpa\n    }\n    forward . %s\n    cache 30\n    loop\n}\n"
	return map[string]string{
		clusterDNS: kubeadm,
		unsynced:   fmt.Sprintf(block, unsynced, "kubeconfig "+kubeconfig+"\n        startup_timeout 100ms", upstream),
		cutOff:     fmt.Sprintf(block, cutOff, "manifests "+manifests(), "127.0.0.2"),
		walking:    fmt.Sprintf(block, walking+"\n    autopath @kubernetes", "manifests "+manifests()+"\n        pods verified", upstream),
	}, nil
}

const nowhere = `
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: nowhere
`

// many is how many endpoints the Service many.shop has: more than a datagram of
// 512 or 1232 octets holds.
const many = 100

// manyAddress is the address of an endpoint of many.shop.
func manyAddress(i int) string { return fmt.Sprintf("10.244.2.%d", i+1) }

func manyManifest() string {
	var text strings.Builder
	text.WriteString(`apiVersion: v1
kind: Service
metadata: {name: many, namespace: shop}
spec: {clusterIP: None, ports: [{name: peer, port: 7000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: many-1, namespace: shop, labels: {kubernetes.io/service-name: many}}
addressType: IPv4
ports: [{name: peer, port: 7000, protocol: TCP}]
endpoints:
`)
	for i := range many {
		fmt.Fprintf(&text, "- {addresses: [%s], hostname: many-%d}\n", manyAddress(i), i)
	}
	return text.String()
}

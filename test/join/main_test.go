package join

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/resolver/dns" // registers the scheme, too

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/isolate"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// clusterDNS is Rollcall's address, at port 53.
const clusterDNS = "10.96.0.10"

// gateway is the address of the network that all pods are in, of either family.
const gateway4, gateway6 = "10.244.0.1", "fd00:10:244::1"

// network makes the node: the addresses that do not belong to pods, and the bridge that
// connects those. Without a hardware address of its own the bridge would take one of
// its pods', another each time that one comes or goes.
const network = `link set lo up
addr add ` + clusterDNS + `/32 dev lo
link add pods address 02:00:00:00:00:01 type bridge
addr add ` + gateway4 + `/16 dev pods
addr add ` + gateway6 + `/48 dev pods nodad
link set pods up
`

// corefile is Rollcall's. A cache that kept denials would have late pods wait.
const corefile = `.:53 {
    bind ` + clusterDNS + `
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig %s
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    prometheus 127.0.0.1:9153
    cache 30
    loadbalance
}
`

// What TestMain starts and all tests share.
var (
	shared   *cluster.Cluster
	server   *rollcall.Server
	programs map[string][]string // how each begins on a command line, by the image's name
)

// preparedVariable tells the test binary within the namespaces which programs there
// are, as JSON. It is not set outside.
const preparedVariable = "ROLLCALL_TEST_JOIN"

// role tells the test binary which program it is in a pod.
const role = "ROLLCALL_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "member" {
		if err := member(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	text := os.Getenv(preparedVariable)
	if text == "" {
		status, err := outside()
		if err != nil {
			fmt.Fprintln(os.Stderr, "join:", err)
			status = 1
		}
		os.Exit(status)
	}
	if err := inside(text); err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		os.Exit(1)
	}
	// gRPC waits 30 s before it looks a name up again, and lets that be set at the start only.
	dns.SetMinResolutionInterval(100 * time.Millisecond)
	cluster.Main(m, serve)
}

// inside sets the namespaces up.
func inside(prepared string) error {
	if err := json.Unmarshal([]byte(prepared), &programs); err != nil {
		return fmt.Errorf("reading what is prepared: %w", err)
	}
	// Where ip(8) keeps network namespaces.
	if err := syscall.Mount("run", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mounting a folder over /run: %w", err)
	}
	if err := isolate.Enter(context.Background(), network); err != nil {
		return err
	}
	for path, text := range map[string]string{
		"/etc/resolv.conf":   resolvConf("default"),
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
	} {
		if err := isolate.File("/run", path, text); err != nil {
			return err
		}
	}
	return nil
}

// resolvConf is that of the pods of a Namespace.
func resolvConf(namespace string) string {
	return fmt.Sprintf("search %s.svc.cluster.local svc.cluster.local cluster.local\nnameserver %s\noptions ndots:5\n", namespace, clusterDNS)
}

// serve starts Rollcall.
func serve(ctx context.Context, c *cluster.Cluster) (func() error, error) {
	shared = c
	conf := filepath.Join(c.Dir(), "Corefile")
	if err := os.WriteFile(conf, fmt.Appendf(nil, corefile, c.AdminKubeconfig()), 0o644); err != nil {
		return nil, err
	}
	var err error
	server, err = rollcall.Run(ctx, programs["rollcall"][0], c.Dir(), "serve", "-conf", conf)
	if err != nil {
		return nil, err
	}
	return server.Stop, nil
}

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

var (
	peer   = flag.String("server", "rollcall", "what to test: rollcall or coredns")
	race   = flag.Bool("race-server", false, "build rollcall with the race detector")
	deploy = flag.String("deploy", "../../deploy/kustomize", "the kustomize base that grants rollcall its rights")
)

// What TestMain starts and all tests share.
var (
	shared     *cluster.Cluster
	server     dnsquery.Server // the one under test
	program    string          // path of rollcall
	kubeconfig string          // rollcall's, with its own token
)

// ttl is what the server under test is told to give its records: no server's
// default, so that a TTL taken from elsewhere shows.
const ttl = 7

// needsRollcall passes over a test of what no other server has, where the flag -server
// names another. Nothing that CI runs does.
func needsRollcall(t *testing.T) {
	t.Helper()
	if *peer != "rollcall" {
		t.Skipf("%s has no such thing: it is for -server rollcall alone", *peer)
	}
}

func TestMain(m *testing.M) {
	dnsquery.Child()
	flag.Parse()
	cluster.Main(m, func(ctx context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		namespace, account, err := grant(ctx)
		if err != nil {
			return nil, err
		}
		if kubeconfig, err = c.Kubeconfig(ctx, namespace, account); err != nil {
			return nil, err
		}
		if *peer == "coredns" {
			logf := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
			s, err := peers.CoreDNS(ctx, c.Dir(), logf, directives(kubeconfig))
			if err != nil {
				return nil, err
			}
			server = s.Server
			return func() error { s.Process.Kill(); return nil }, nil
		}
		if program, err = rollcall.Build(ctx, *race); err != nil {
			return nil, err
		}
		conf := filepath.Join(c.Dir(), "Corefile")
		if err := writeCorefile(conf, directives(kubeconfig)); err != nil {
			return nil, err
		}
		s, err := rollcall.Run(ctx, program, c.Dir(), "serve", "-conf", conf)
		if err != nil {
			return nil, err
		}
		server = s.Server
		return func() error {
			if err := s.Stop(); err != nil {
				return fmt.Errorf("%w\n%s", err, s.Process.Tail(50))
			}
			return nil
		}, nil
	})
}

// directives are the body of the Corefile that both servers understand.
func directives(kubeconfig string) string {
	return fmt.Sprintf(`errors
kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig %s
    pods insecure
    ttl %d
    startup_timeout 1s
}`, kubeconfig, ttl)
}

func writeCorefile(path, directives string) error {
	text := ".:0 {\n    bind 127.0.0.1\n    " + strings.ReplaceAll(directives, "\n", "\n    ") + "\n}\n"
	return os.WriteFile(path, []byte(text), 0o644)
}

// grant applies the ServiceAccount and the RBAC of the kustomize base, and
// nothing else of it, and returns the account that was bound.
func grant(ctx context.Context) (namespace, account string, err error) {
	all, err := shared.RunKubectl(ctx, "", "kustomize", *deploy)
	if err != nil {
		return "", "", err
	}
	var wanted []string
	for _, doc := range strings.Split(all, "\n---\n") {
		var binding rbacv1.ClusterRoleBinding
		if err := yaml.Unmarshal([]byte(doc), &binding); err != nil {
			return "", "", fmt.Errorf("reading the kustomize base: %w", err)
		}
		switch binding.Kind {
		case "ClusterRoleBinding":
			if len(binding.Subjects) != 1 {
				return "", "", fmt.Errorf("the ClusterRoleBinding %s has %d subjects, want 1", binding.Name, len(binding.Subjects))
			}
			namespace, account = binding.Subjects[0].Namespace, binding.Subjects[0].Name
			fallthrough
		case "ServiceAccount", "ClusterRole", "Role", "RoleBinding":
			wanted = append(wanted, doc)
		}
	}
	if account == "" {
		return "", "", fmt.Errorf("the kustomize base %s binds no account", *deploy)
	}
	return namespace, account, shared.Apply(ctx, "", strings.Join(wanted, "\n---\n"))
}

package explain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// What TestMain starts and all tests share.
var (
	shared  *cluster.Cluster
	program string // path of rollcall
)

func TestMain(m *testing.M) {
	dnsquery.Child()
	cluster.Main(m, func(ctx context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		var err error
		program, err = rollcall.Build(ctx, false)
		return nil, err
	})
}

// peers is a headless Service whose second pod is held unready, and a pod that asks.
const peers = `
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, selector: {app: nginx}, ports: [{name: web, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: nginx}}
spec: {hostname: web-0, subdomain: nginx, containers: [{name: main, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: nginx}, annotations: {rollcall.test/hold-ready: ""}}
spec: {hostname: web-1, subdomain: nginx, containers: [{name: main, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: main, image: nginx}]}
`

// within is how long a change may take to arrive, on a busy machine.
const within = time.Minute

// eventually calls check until it succeeds, and fails the test after a while.
func eventually(t *testing.T, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), within, fmt.Errorf("not within %v", within))
	defer cancel()
	if err := process.Until(ctx, check); err != nil {
		t.Fatal(err)
	}
}

// explain runs rollcall explain, and returns what it printed and its exit status.
func explain(ctx context.Context, args ...string) (text string, status int, err error) {
	cmd := exec.CommandContext(ctx, program, append([]string{"explain"}, args...)...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(out), exit.ExitCode(), nil
	}
	return string(out), 0, err
}

// expect runs rollcall explain until it has the exit status and prints all of wants.
func expect(t *testing.T, args string, status int, wants ...string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		text, got, err := explain(ctx, strings.Fields(args)...)
		if err != nil {
			return err
		}
		for _, want := range wants {
			if got != status || !strings.Contains(text, want) {
				return fmt.Errorf("explain %s: status %d, want %d, and %q in:\n%s", args, got, status, want, text)
			}
		}
		return nil
	})
}

// world makes the peers in a namespace of their own, and returns when the endpoints
// are known.
func world(t *testing.T) (namespace string) {
	t.Helper()
	namespace = shared.Namespace(t)
	if err := shared.Apply(t.Context(), namespace, peers); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		slices, err := shared.Client().DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		n := 0
		for _, s := range slices.Items {
			n += len(s.Endpoints)
		}
		if n != 2 {
			return fmt.Errorf("%d endpoints, want 2", n)
		}
		return nil
	})
	return namespace
}

func TestAdministrator(t *testing.T) {
	t.Parallel()
	ns := world(t)
	flags := "-kubeconfig " + shared.AdminKubeconfig() + " -from " + ns + "/client "
	expect(t, flags+"nginx", 0, "resolves.", "Note: left out is what is not ready: pod web-1 matches, has an address, and is not Ready")
	expect(t, flags+"web-1.nginx", 1, "Service "+ns+"/nginx is headless and selects app=nginx; pod web-1 matches, has an address, and is not Ready", "-> publishNotReadyAddresses would publish it.")
	expect(t, flags+"web-2.nginx", 1, "none of its endpoints is named web-2: its endpoints are web-0, web-1.")
	expect(t, flags+"nginx.defualt", 1, "There is no Namespace defualt.", "-> Did you mean Namespace default?")
	expect(t, flags+"kubernetes.default", 0, "kubernetes.default.svc.cluster.local.")
	expect(t, flags+"10.96.200.200 PTR", 1, "Neither a Service's ClusterIP nor a ready endpoint has the address")
	if err := shared.SetReady(t.Context(), ns, "web-1", true); err != nil {
		t.Fatal(err)
	}
	expect(t, flags+"web-1.nginx", 0, "web-1.nginx."+ns+".svc.cluster.local. 5 IN A ")
}

// few lets a user read Services and EndpointSlices of one namespace, and no Pods.
const few = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: few}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: few}
rules:
- {apiGroups: [""], resources: [services], verbs: [list]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: few}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: few}
subjects: [{kind: ServiceAccount, name: few}]
`

// A user with few rights is told as much as they may know, and what is missing.
func TestFewRights(t *testing.T) {
	t.Parallel()
	ns := world(t)
	if err := shared.Apply(t.Context(), ns, few); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := shared.Kubeconfig(t.Context(), ns, "few")
	if err != nil {
		t.Fatal(err)
	}
	flags := "-kubeconfig " + kubeconfig + " -from " + ns + "/client "
	denied := "may not list pods in namespace " + ns
	expect(t, flags+"nginx", 0, "resolves.", "Not read: "+denied,
		"Note: the Pod was not read (may not get pods client in namespace "+ns+"): its search path is taken for that of dnsPolicy ClusterFirst")
	notReady := []string{"pod web-1 is an endpoint and is not ready", "Why they are not ready can't be told: " + denied + "."}
	expect(t, flags+"web-1.nginx."+ns+".svc.cluster.local.", 1, notReady...)
	expect(t, flags+"web-1.nginx", 2, append(notReady, "unknown  web-1.nginx.svc.cluster.local.")...) // a Namespace may be called nginx
	expect(t, flags+"ngnix", 1, "Namespace "+ns+" has no Service ngnix.", "-> Did you mean Service nginx? nginx."+ns+".svc.cluster.local resolves.")
	expect(t, flags+"kubernetes.default", 2, "it can't be told whether it resolves.", "Not read: may not list services in namespace default", "may not list endpointslices.discovery.k8s.io in namespace default")
	expect(t, flags+"10.96.0.1", 2, "may not list services in all namespaces")
}

// TestDig sees what dig shows of the Extended DNS Errors of a server that is told to
// explain, and has no rights beyond list and watch of what it serves.
func TestDig(t *testing.T) {
	t.Parallel()
	ns := world(t)
	conf := filepath.Join(t.TempDir(), "Corefile")
	text := ".:0 {\n bind 127.0.0.1\n explain\n kubernetes cluster.local in-addr.arpa {\n  kubeconfig " + shared.AdminKubeconfig() + "\n }\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	server := rollcall.Start(t, program, "serve", "-conf", conf)
	below := "." + ns + ".svc.cluster.local"
	tests := []struct {
		name, typ, rcode, want string // want "" for no Extended DNS Error
		options                []string
		reason                 string
	}{
		{"nginx" + below, "A", "NOERROR", "", nil, "there is nothing to explain"},
		{"nginx" + below, "AAAA", "NOERROR", "0 (Other): (the name has addresses of the other family alone)", nil, "RFC 8914 section 4.1"},
		{"web-1.nginx" + below, "A", "NXDOMAIN", "0 (Other): (the endpoint of this name is not ready: 1 endpoint, 1 not ready)", nil, "RFC 8914 section 4.1"},
		{"web-1.nginx" + below, "A", "NXDOMAIN", "", []string{"+noedns"}, "RFC 6891 section 7: nothing for those without EDNS"},
		{"ngnix" + below, "A", "NXDOMAIN", "0 (Other): (no such Service in the Namespace)", nil, "RFC 8914 section 4.1"},
		{"nginx.nowhere.svc.cluster.local", "A", "NXDOMAIN", "0 (Other): (no such Namespace)", []string{"+tcp"}, "over TCP as well"},
	}
	for _, tt := range tests {
		eventually(t, func(ctx context.Context) error {
			a, err := server.Dig(ctx, dnsquery.Question{Name: tt.name, Type: tt.typ, Options: tt.options})
			if err == nil && (a.Rcode != tt.rcode || a.EDE != tt.want) {
				err = fmt.Errorf("%s %s: %s, EDE %q; want %s, %q: %s", tt.name, tt.typ, a.Rcode, a.EDE, tt.rcode, tt.want, tt.reason)
			}
			return err
		})
	}
	expect(t, "-server "+server.Addr.String()+" -from "+ns+" web-1.nginx", 1, "The server says NXDOMAIN of web-1.nginx"+below+".: the endpoint of this name is not ready: 1 endpoint, 1 not ready.")
}

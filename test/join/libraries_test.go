package join

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"google.golang.org/grpc/resolver"
	_ "google.golang.org/grpc/resolver/dns" // registers the scheme dns
	"google.golang.org/grpc/serviceconfig"

	"github.com/rollcall-dns/rollcall/test/process"
)

// database has a headless Service of both families, with pods that are listed although
// they are not ready.
const database = `
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  ipFamilyPolicy: RequireDualStack
  selector: {app: db}
  ports: [{name: mongodb, port: 27017}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "example.org/db:1"}]
`

// TestLibraries has client libraries, which take the resolv.conf of the process, find
// the pods of a Service.
func TestLibraries(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, database)
	domain := "db." + ns + ".svc.cluster.local"
	var hosts, addresses []string
	for _, p := range pods {
		hosts = append(hosts, fmt.Sprintf("%s.%s:27017", p.object.Name, domain))
		for _, ip := range p.object.Status.PodIPs {
			addresses = append(addresses, net.JoinHostPort(ip.IP, "27017"))
		}
	}
	slices.Sort(addresses)
	listed(t, pods)
	addressed(t, pods, 2)
	tests := []struct {
		name   string
		find   func() ([]string, error)
		want   []string
		reason string
	}{
		{"MongoDB's driver", func() ([]string, error) {
			uri, err := connstring.ParseAndValidate("mongodb+srv://" + domain + "/?tls=false")
			if err != nil {
				return nil, err
			}
			return uri.Hosts, nil
		}, hosts, "SRV of the port mongodb, targets in the Service's domain, and TXT, of which there is none"},
		{"gRPC's dns:///", func() ([]string, error) { return dnsOfGRPC(domain + ":27017") }, addresses, "A and AAAA, and no service config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.find()
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// dnsOfGRPC returns the addresses that gRPC's own resolver gives its balancer.
func dnsOfGRPC(target string) ([]string, error) {
	u, err := url.Parse("dns:///" + target)
	if err != nil {
		return nil, err
	}
	told := balancer{addresses: make(chan []string, 1), failed: make(chan error, 1)}
	r, err := resolver.Get("dns").Build(resolver.Target{URL: *u}, told, resolver.BuildOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	select {
	case list := <-told.addresses:
		return list, nil
	case err := <-told.failed:
		return nil, err
	case <-time.After(within):
		return nil, fmt.Errorf("no word of %s within %s", target, within)
	}
}

// balancer takes what a resolver of gRPC finds first.
type balancer struct {
	resolver.ClientConn
	addresses chan []string
	failed    chan error
}

func (b balancer) UpdateState(s resolver.State) error {
	var list []string
	for _, a := range s.Addresses {
		list = append(list, a.Addr)
	}
	select {
	case b.addresses <- list:
	default:
	}
	return nil
}

func (b balancer) ReportError(err error) {
	select {
	case b.failed <- err:
	default:
	}
}

func (b balancer) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{Err: fmt.Errorf("no service config is expected")}
}

// listed waits until all pods are in DNS.
func listed(t *testing.T, pods []*pod) {
	t.Helper()
	first := pods[0].object
	service, n := first.Spec.Subdomain+"."+first.Namespace, fmt.Sprint(len(pods))
	wait := append(slices.Clone(programs["rollcall"]), "peers", service, "-wait", n, "-timeout", within.String())
	if out, err := pods[0].output(t.Context(), "", wait...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// addressed waits until the name of each pod has so many addresses: a Service's families
// have EndpointSlices of their own, one of which may come later.
func addressed(t *testing.T, pods []*pod, n int) {
	t.Helper()
	for _, p := range pods {
		name := fmt.Sprintf("%s.%s.%s.svc.cluster.local", p.object.Name, p.object.Spec.Subdomain, p.object.Namespace)
		err := process.Within(t.Context(), within, func(ctx context.Context) error {
			list, err := net.DefaultResolver.LookupHost(ctx, name)
			var denied *net.DNSError
			if err != nil && !(errors.As(err, &denied) && denied.IsNotFound) {
				return err
			}
			if len(list) != n {
				return fmt.Errorf("%s has the addresses %v, want %d", name, list, n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// urls parses one URL.
func urls(t *testing.T, text string) types.URLs {
	t.Helper()
	list, err := types.NewURLs([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// asked returns how many questions for a type Rollcall has had.
func asked(t *testing.T, qtype string) int {
	t.Helper()
	reply, err := http.Get("http://127.0.0.1:9153/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, m := range families["coredns_dns_requests_total"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "type" && l.GetValue() == qtype {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return int(total)
}

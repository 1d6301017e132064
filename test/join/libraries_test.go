package join

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

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

// TestMongoDB has the driver for Go, which takes the resolv.conf of the process, find the
// pods of a Service.
func TestMongoDB(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, database)
	listed(t, pods)
	domain := "db." + ns + ".svc.cluster.local"
	var want []string
	for _, p := range pods {
		want = append(want, fmt.Sprintf("%s.%s:27017", p.object.Name, domain))
	}
	// SRV of the port mongodb, with targets in the Service's domain, and TXT, of which
	// there is none.
	uri, err := connstring.ParseAndValidate("mongodb+srv://" + domain + "/?tls=false")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(uri.Hosts)
	if diff := cmp.Diff(want, uri.Hosts); diff != "" {
		t.Errorf("the seed list (-want +got):\n%s", diff)
	}
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

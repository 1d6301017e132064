package e2e

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestServiceMadeAnew takes one name through every kind of Service, deleted and
// made anew, and changed in place where the API allows it. The slices stay the
// same throughout: they mean something else each time.
func TestServiceMadeAnew(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: turn-1, labels: {kubernetes.io/service-name: turn}}
addressType: IPv4
ports: [{name: web, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.200.10.1], hostname: one, conditions: {ready: true}}]
`)
	const (
		clusterIP    = `{clusterIP: 10.96.0.90, ports: [{name: web, port: 80}]}`
		another      = `{clusterIP: 10.96.0.91, ports: [{name: web, port: 81}]}`
		headless     = `{clusterIP: None, ports: [{name: web, port: 80}]}`
		externalName = `{type: ExternalName, externalName: foo.example.com}`
	)
	service := func(spec string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: turn}\nspec: " + spec + "\n"
	}
	pointers := func(vip, other, endpoint []string) []row {
		return []row{
			pointer("10.96.0.90", vip), pointer("10.96.0.91", other), pointer("10.200.10.1", endpoint),
		}
	}
	rowsOf := map[string][]row{
		clusterIP: append(pointers([]string{"turn"}, nil, []string{"one.turn"}),
			row{ask: "turn A", want: []string{"turn A 10.96.0.90"}, reason: "2.3.1"},
			row{ask: "_web._tcp.turn SRV", want: []string{"_web._tcp.turn SRV 0 0 80 turn"}, extra: []string{"turn A 10.96.0.90"}, reason: "2.3.2"},
			row{ask: "one.turn A", want: []string{"one.turn A 10.200.10.1"}, reason: "endpoint names under a ClusterIP Service"}),
		another: append(pointers(nil, []string{"turn"}, []string{"one.turn"}),
			row{ask: "turn A", want: []string{"turn A 10.96.0.91"}, reason: "2.3.1"},
			row{ask: "_web._tcp.turn SRV", want: []string{"_web._tcp.turn SRV 0 0 81 turn"}, extra: []string{"turn A 10.96.0.91"}, reason: "2.3.2"}),
		headless: append(pointers(nil, nil, []string{"one.turn"}),
			row{ask: "turn A", want: []string{"turn A 10.200.10.1"}, reason: "2.4.1"},
			row{ask: "turn CNAME", reason: "exists"},
			row{ask: "_web._tcp.turn SRV", want: []string{"_web._tcp.turn SRV 0 0 8080 one.turn"}, extra: []string{"one.turn A 10.200.10.1"}, reason: "2.4.2"},
			row{ask: "one.turn A", want: []string{"one.turn A 10.200.10.1"}, reason: "2.4.1"}),
		externalName: append(pointers(nil, nil, nil),
			row{ask: "turn A", want: []string{"turn CNAME foo.example.com."}, reason: "2.5"},
			row{ask: "_web._tcp.turn SRV", rcode: nxdomain, reason: "2.5"},
			row{ask: "one.turn A", rcode: nxdomain, reason: "an alias has nothing below it"}),
		"": append(pointers(nil, nil, nil),
			row{ask: "turn A", rcode: nxdomain, reason: "no Service, whatever slices there are"},
			row{ask: "turn AAAA", rcode: nxdomain, reason: "the same for every type"},
			row{ask: "turn CNAME", rcode: nxdomain, reason: "the same for every type"},
			row{ask: "_web._tcp.turn SRV", rcode: nxdomain, reason: "no Service"},
			row{ask: "one.turn A", rcode: nxdomain, reason: "no Service"}),
	}
	steps := []struct {
		name, spec string
		inPlace    bool
	}{
		{name: "ClusterIP", spec: clusterIP},
		{name: "deleted"},
		{name: "anew with another address", spec: another},
		{name: "anew as headless", spec: headless},
		{name: "anew as ExternalName", spec: externalName},
		{name: "changed to ClusterIP", spec: clusterIP, inPlace: true},
		{name: "anew as ExternalName again", spec: externalName},
		{name: "deleted again"},
		{name: "headless", spec: headless},
	}
	there := false
	for _, step := range steps {
		if there && !step.inPlace {
			if err := shared.Client().CoreV1().Services(ns).Delete(t.Context(), "turn", metav1.DeleteOptions{}); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
		}
		if there = step.spec != ""; there {
			apply(t, ns, service(step.spec))
		}
		t.Run(step.name, func(t *testing.T) { verify(t, ns, rowsOf[step.spec]...) })
		if t.Failed() {
			break // what follows would only repeat it
		}
	}
}

// pointer is the row that asks for the PTR records of an address.
func pointer(address string, names []string) row {
	r := row{ask: reverse(address) + " PTR", reason: "the names that lead there"}
	for _, name := range names {
		r.want = append(r.want, r.ask+" "+name)
	}
	if len(names) == 0 {
		r.rcode = nxdomain
	}
	return r
}

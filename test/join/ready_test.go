package join

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/test/process"
)

// TestReady has resolvers of other languages look for pods by a Service that lists those
// alone that are ready: one is, and then none.
func TestReady(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, strings.ReplaceAll(database, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false"))
	domain := "db." + ns + ".svc.cluster.local"
	ready := pods[1]
	name, own, other := ready.object.Name+"."+domain, ready.object.Status.PodIPs, pods[0].object.Name+"."+domain
	programs := []struct {
		name   string
		absent string // what it says of a name that does not exist
	}{
		{"Erlang", "none nxdomain"}, {"Node.js", "none ENOTFOUND"}, {"JNDI", "none NameNotFoundException"}, {"Java", "none UnknownHostException"},
	}
	steps := []struct {
		label    string
		ready    bool
		families int
		reason   string
	}{
		{"one", true, len(own), "the pod that is ready, and no other"},
		{"none", false, 0, "it is ready no more: the name is as absent as that of a Service without pods"},
	}
	for _, step := range steps {
		if err := shared.SetReady(t.Context(), ns, ready.object.Name, step.ready); err != nil {
			t.Fatal(err)
		}
		addressed(t, []*pod{ready}, step.families)
		t.Run(step.label, func(t *testing.T) {
			for _, program := range programs {
				absent := []string{program.absent}
				found := func(values ...string) []string {
					if step.ready {
						return values
					}
					return absent
				}
				questions := []question{
					{"srv " + domain, found("0/27017/" + name), step.reason},
					{"srv _mongodb._tcp." + domain, found("0/27017/" + name), step.reason},
					{"ip4 " + domain, found(own[0].IP), step.reason},
					{"ip6 " + domain, found(own[1].IP), step.reason},
					{"ip4 " + name, found(own[0].IP), step.reason},
					{"ip4 " + other, absent, "a pod that is not ready has no name"},
				}
				if program.name == "Java" { // which looks for both families at once, and for addresses alone
					questions = []question{
						{"ip " + domain, found(own[0].IP, own[1].IP), step.reason},
						{"ip " + other, absent, "a pod that is not ready has no name"},
					}
				}
				t.Run(program.name, func(t *testing.T) {
					t.Parallel()
					ready.ask(t, program.name, questions)
				})
			}
		})
	}
}

// TestRabbitMQNames has the code of RabbitMQ's dns backend find the names of nodes by a
// Service of both families. It takes the first PTR record of each address, and two more
// Services select the same pods. Their names for these, made of addresses, are shorter and
// sort before: the host name is first for what it is.
func TestRabbitMQNames(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	const name = "node-with-quite-a-long-host-name"
	pods := statefulSet(t, ns, strings.ReplaceAll(database, "StatefulSet\nmetadata: {name: db}", "StatefulSet\nmetadata: {name: "+name+"}")+`---
apiVersion: v1
kind: Service
metadata: {name: all}
spec: {clusterIP: None, publishNotReadyAddresses: true, ipFamilyPolicy: RequireDualStack, selector: {app: db}, ports: [{port: 27017}]}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {publishNotReadyAddresses: true, ipFamilyPolicy: RequireDualStack, selector: {app: db}, ports: [{port: 27017}]}
`)
	listed(t, pods)
	domain := "db." + ns + ".svc.cluster.local"
	var want []string
	for _, p := range pods {
		for _, ip := range p.object.Status.PodIPs {
			want = append(want, p.object.Name+"."+domain)
			err := process.Within(t.Context(), within, func(ctx context.Context) error {
				names, err := net.DefaultResolver.LookupAddr(ctx, ip.IP)
				if err != nil {
					return err
				}
				if len(names) != 3 {
					return fmt.Errorf("PTR records %q, want one of each Service", names)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	pods[0].ask(t, "Erlang", []question{{"hosts " + domain, want, "the host name of a pod comes first"}})
}

package join

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/rollcall-dns/rollcall/test/process"
)

// TestGRPC has gRPC's own resolver, dns:///, follow the pods of a Service that lists those
// that are ready: both families, and no service config.
func TestGRPC(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, strings.ReplaceAll(database, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false"))
	target, err := url.Parse("dns:///db." + ns + ".svc.cluster.local:27017")
	if err != nil {
		t.Fatal(err)
	}
	told := &connection{}
	r, err := resolver.Get("dns").Build(resolver.Target{URL: *target}, told, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	steps := []struct {
		ready  []bool
		reason string
	}{
		{[]bool{false, false, false}, "no pod is ready: no address, and it asks again by itself"},
		{[]bool{false, true, false}, "one is"},
		{[]bool{true, true, true}, "all are"},
		{[]bool{true, false, true}, "one is ready no more"},
	}
	for _, step := range steps {
		var want []string
		for i, ready := range step.ready {
			if err := shared.SetReady(t.Context(), ns, pods[i].object.Name, ready); err != nil {
				t.Fatal(err)
			}
			for _, ip := range pods[i].object.Status.PodIPs {
				if ready {
					want = append(want, net.JoinHostPort(ip.IP, "27017"))
				}
			}
		}
		slices.Sort(want)
		err := process.Within(t.Context(), within, func(context.Context) error {
			r.ResolveNow(resolver.ResolveNowOptions{}) // as when a connection ends
			last := told.last.Load()
			if last == nil {
				return fmt.Errorf("no answer yet")
			}
			if diff := cmp.Diff(want, *last); diff != "" {
				return fmt.Errorf("addresses (-want +got):\n%s", diff)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", step.reason, err)
		}
	}
}

// connection is what a resolver of gRPC tells of its findings. As a balancer would, it
// does not want an empty set.
type connection struct {
	resolver.ClientConn
	last atomic.Pointer[[]string] // sorted
}

func (c *connection) UpdateState(s resolver.State) error {
	var list []string
	for _, a := range s.Addresses {
		list = append(list, a.Addr)
	}
	slices.Sort(list)
	c.last.Store(&list)
	if len(list) == 0 {
		return balancer.ErrBadResolverState
	}
	return nil
}

// ReportError takes word of a look-up that failed, and will be made again.
func (c *connection) ReportError(error) {}

func (c *connection) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{Err: fmt.Errorf("no service config is expected")}
}

package corefiles

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// client is the address of the pod whose search path is walked.
const client = "127.0.1.1"

// clients are pods that no node runs, so that their addresses are the test's.
const clients = `
apiVersion: v1
kind: Pod
metadata: {name: cart-0, namespace: shop}
spec: {schedulerName: none, containers: [{name: c, image: none}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: kube-system}
spec: {schedulerName: none, containers: [{name: c, image: none}]}
`

// knowsPods are the exhibits of lines that depend on whose pod asks.
var knowsPods = []exhibit{
	{[]string{"autopath @kubernetes", "pods verified"}, func(t *testing.T, s *subject) {
		const name, web = "host.example.org.shop.svc.cluster.local. A", "web.shop.svc.cluster.local. A"
		led := []string{"host.example.org. A 203.0.113.10", "host.example.org.shop.svc.cluster.local. CNAME host.example.org."}
		if err := s.expect(client, name, "NXDOMAIN"); err != nil {
			t.Errorf("before it is a pod's address: %v", err)
		}
		if err := shared.Apply(t.Context(), "", clients); err != nil {
			t.Fatal(err)
		}
		setAddress(t, "shop", "cart-0", client)
		eventually(t, soon, func(context.Context) error { return s.expect(client, name, "NOERROR", led...) })
		for _, r := range []struct {
			from, ask, rcode string
			want             []string
			reason           string
		}{
			{client, "host.example.org.shop.svc.cluster.local. AAAA", "NOERROR", []string{"host.example.org. AAAA 2001:db8::10", "host.example.org.shop.svc.cluster.local. CNAME host.example.org."}, "of the other family"},
			{client, "pair.example.org.shop.svc.cluster.local. AAAA", "NOERROR", nil, "NODATA, as the name has an IPv4 address"},
			{client, "web.shop.shop.svc.cluster.local. A", "NOERROR", []string{"web.shop.shop.svc.cluster.local. CNAME web.shop.svc.cluster.local.", "web.shop.svc.cluster.local. A 10.96.0.80"}, "the second domain"},
			{client, web, "NOERROR", []string{"web.shop.svc.cluster.local. A 10.96.0.80"}, "the first"},
			{client, "nobody.example.org.shop.svc.cluster.local. A", "NXDOMAIN", nil, "in no domain"},
			{client, "host.example.org.kube-system.svc.cluster.local. A", "NXDOMAIN", nil, "another namespace's"},
			{"127.0.1.3", name, "NXDOMAIN", nil, "nobody's address"},
			{client, "127-0-1-1.shop.pod.cluster.local. A", "NOERROR", []string{"127-0-1-1.shop.pod.cluster.local. A 127.0.1.1"}, "a pod's address"},
			{client, "10-200-1-1.shop.pod.cluster.local. A", "NXDOMAIN", nil, "no pod's address"},
		} {
			if err := s.expect(r.from, r.ask, r.rcode, r.want...); err != nil {
				t.Errorf("%s: %v", r.reason, err)
			}
		}
		if n, _ := s.metric(t, "coredns_autopath_success_total", `server="dns://`); n < 4 {
			t.Errorf("coredns_autopath_success_total is %v, want at least 4", n)
		}
	}},
	{[]string{"acl app.example.org", "block"}, func(t *testing.T, s *subject) {
		for ask, rcode := range map[string]string{"new.app.example.org. A": "REFUSED", "new.app.example.org.shop.svc.cluster.local. A": "NXDOMAIN"} {
			if err := s.expect(client, ask, rcode); err != nil {
				t.Errorf("the search path leads past acl: %v", err)
			}
		}
		if n := s.relays["/etc/resolv.conf"].count("app.example.org."); n != 0 {
			t.Errorf("the upstream was asked %d times for what is blocked", n)
		}
	}},
	{[]string{"metadata", `log . "{remote} {/kubernetes/client-namespace}/{/kubernetes/client-pod-name} {type} {name} {rcode}"`}, func(t *testing.T, s *subject) {
		const ask, of = "web.shop.svc.cluster.local. A", " A web.shop.svc.cluster.local. NOERROR"
		says := func(from, who string) {
			t.Helper()
			eventually(t, soon, func(context.Context) error {
				if err := s.expect(from, ask, "NOERROR", "web.shop.svc.cluster.local. A 10.96.0.80"); err != nil {
					return err
				}
				if line := from + " " + who + of; !strings.Contains(s.output(), line) {
					return fmt.Errorf("not logged: %s", line)
				}
				return nil
			})
		}
		says(client, "shop/cart-0")
		says("127.0.1.3", "-/-")
		setAddress(t, "kube-system", "agent", "127.0.1.2")
		says("127.0.1.2", "kube-system/agent")
		// The pod goes, and another has its address.
		if err := shared.Client().CoreV1().Pods("shop").Delete(t.Context(), "cart-0", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		setAddress(t, "kube-system", "agent", client)
		says(client, "kube-system/agent")
	}},
}

// setAddress gives a pod an address.
func setAddress(t *testing.T, namespace, pod, address string) {
	t.Helper()
	if err := shared.SetAddress(t.Context(), namespace, pod, address); err != nil {
		t.Fatal(err)
	}
}

// expect asks by UDP from an address, and returns an error unless the reply is as
// wanted: its rcode, and its answer section in any order.
func (s *subject) expect(address, question, rcode string, want ...string) error {
	reply, err := s.askFrom(address, "", question, "udp")
	if err != nil {
		return fmt.Errorf("from %s: %w", address, err)
	}
	if got := dns.RcodeToString[reply.Rcode]; got != rcode {
		return fmt.Errorf("%s from %s: got %s, want %s", question, address, got, rcode)
	}
	if name, _, _ := strings.Cut(question, " "); len(reply.Answer) > 0 && reply.Answer[0].Header().Name != name {
		return fmt.Errorf("%s from %s: the name asked for is not first, which glibc needs: %v", question, address, reply.Answer)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), texts(reply.Answer)); diff != "" {
		return fmt.Errorf("%s from %s: answers (-want +got):\n%s", question, address, diff)
	}
	return nil
}

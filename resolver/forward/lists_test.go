package forward_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/forward"
	"github.com/rollcall-dns/rollcall/zone"
)

// directory knows the addresses of names, as a test sets them.
type directory struct {
	mu    sync.Mutex
	addrs map[string][]netip.Addr
}

func (d *directory) set(name string, addrs ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	d.addrs[name] = list
}

func (d *directory) lookup(name zone.Name) []netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addrs[name.String()]
}

// TestName is of an upstream that is a Service, which comes, changes and goes.
func TestName(t *testing.T) {
	const name = "dns.x.svc.cluster.local."
	good := serve(t, answers("192.0.2.1"))
	target := forward.Target{Name: dnstest.Name(t, name), Addr: netip.AddrPortFrom(netip.Addr{}, good.target.Addr.Port())}
	known := directory{addrs: map[string][]netip.Addr{}}
	var mu sync.Mutex
	var log strings.Builder
	kept := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), "upstreams stay as they are")
	}
	registry := prometheus.NewRegistry()
	metrics, err := forward.NewMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	h := start(t, config(t, target), forward.Deps{Metrics: metrics, Lookup: known.lookup, Poll: time.Millisecond, Logger: textLogger(&mu, &log)})

	if got := ask(t, h, resolver.UDP, question()); got.addr() != "SERVFAIL" || !strings.Contains(fmt.Sprint(got.err), "no Service of that name has an address") {
		t.Errorf("before there is such a Service: %s, %v", got.addr(), got.err)
	}
	steps := []struct {
		addrs, want []string
		reason      string
	}{
		{[]string{"127.0.0.1"}, []string{"127.0.0.1"}, "it comes"},
		{[]string{"127.0.0.1", "::1"}, []string{"127.0.0.1", "[::1]"}, "it has another address"},
		{nil, []string{"127.0.0.1", "[::1]"}, "it goes, and what was known is better than nothing"},
		{[]string{"127.0.0.1", "127.0.0.1"}, []string{"127.0.0.1"}, "each once"},
	}
	for _, step := range steps {
		known.set(name, step.addrs...)
		var want []string
		for _, host := range step.want {
			want = append(want, fmt.Sprintf("%s:%d", host, target.Addr.Port()))
		}
		if step.addrs == nil {
			dnstest.Eventually(t, "the log says so", kept)
		}
		dnstest.Eventually(t, step.reason, func() bool { return cmp.Equal(want, forward.Upstreams(h)) })
		if got := ask(t, h, resolver.UDP, question()); got.addr() != "192.0.2.1" {
			t.Errorf("%s: %s, %v", step.reason, got.addr(), got.err)
		}
	}

	counted := func() float64 {
		return value(t, registry, "coredns_proxy_request_duration_seconds", good.addr())
	}
	if n := counted(); n == 0 {
		t.Error("no exchange is counted")
	}
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("127.0.1.%d", i))
	}
	known.set(name, many...)
	dnstest.Eventually(t, "no more of many endpoints than a directive may have", func() bool { return len(forward.Upstreams(h)) == 15 })
	dnstest.Eventually(t, "what was counted goes with its upstream", func() bool { return counted() == 0 })
}

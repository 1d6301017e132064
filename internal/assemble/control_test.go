package assemble_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/fault"
)

const webName = "web.default.svc.cluster.local."

// startControlled runs a Corefile with a Control.
func startControlled(t testing.TB, text func() string, embedded bool) (*process, *assemble.Control) {
	t.Helper()
	c := assemble.NewControl(0)
	return startProcess(t, text, assemble.Process{Control: c, Embedded: embedded, Abrupt: true}), c
}

// service is a Service with a ClusterIP.
func service(name, ip string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

func TestControl(t *testing.T) {
	dnstest.NoLeaks(t)
	p, c := startControlled(t, func() string {
		return ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests " + manifest(t, "web=10.0.0.1") + "\n}\n}"
	}, false)
	addr := p.addr()
	m, err := c.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	stale, err := c.Faults.Set(fault.Fault{Name: webName, Do: fault.Stale})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(service("web", "10.0.0.2"), service("other", "10.0.0.3")); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		do     func()
		name   string
		want   string
		reason string
	}{
		{func() {}, webName, "10.0.0.1", "stale: as it was"},
		{func() {}, "other.default.svc.cluster.local.", "10.0.0.3", "for the fault's name alone"},
		{func() { c.Faults.Clear(stale) }, webName, "10.0.0.2", "as it is"},
		{func() { _ = c.Records.Add(webName + " A 192.0.2.1") }, webName, "192.0.2.1", "a record by hand"},
		{func() { _, _ = c.Faults.Set(fault.Fault{Do: fault.ServFail}) }, webName, "SERVFAIL", "a fault of all"},
	}
	for _, step := range steps {
		step.do()
		if got := lookup(t, addr, step.name); got != step.want {
			t.Errorf("%s: %s, want %s", step.reason, got, step.want)
		}
	}
	if got := len(c.Queries.Queries()); got != len(steps) {
		t.Errorf("%d questions are recorded, want %d", got, len(steps))
	}
}

// TestControlReloads: what was set stays with a changed Corefile.
func TestControlReloads(t *testing.T) {
	dir, ttl := manifest(t, "web=10.0.0.1"), make(chan string, 1)
	ttl <- "5"
	p, c := startControlled(t, func() string {
		now := <-ttl
		ttl <- now
		return ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests " + dir + "\nttl " + now + "\n}\n}"
	}, false)
	addr := p.addr()
	if _, err := c.Faults.Set(fault.Fault{Name: webName, Do: fault.Refuse, Count: 1}); err != nil {
		t.Fatal(err)
	}
	<-ttl
	ttl <- "7"
	p.hangup <- nil
	dnstest.Eventually(t, "the changed Corefile is served", func() bool { return strings.Contains(p.log(), "serving the changed configuration") })
	if got := lookup(t, addr, webName); got != "REFUSED" {
		t.Errorf("a fault after a reload: %s", got)
	}
	m, err := c.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(service("web", "10.0.0.2")); err != nil {
		t.Fatal(err)
	}
	if got := lookup(t, addr, webName); got != "10.0.0.2" {
		t.Errorf("an object after a reload: %s", got)
	}
}

func TestControlErrors(t *testing.T) {
	if _, err := assemble.NewControl(0).Manifests(); !errors.Is(err, assemble.ErrNotRunning) {
		t.Errorf("before it runs: %v", err)
	}
	if _, err := assemble.NewControl(0).Faults.Set(fault.Fault{Do: fault.Stale}); !errors.Is(err, assemble.ErrNotRunning) {
		t.Errorf("before it runs: %v", err)
	}
	none := func() string { return ".:0 {\nbind 127.0.0.1\nwhoami\n}" }
	p, c := startControlled(t, none, false)
	p.addr()
	if _, err := c.Manifests(); !errors.Is(err, assemble.ErrNoManifests) {
		t.Errorf("without manifests: %v", err)
	}
	several := func() string {
		dir := manifest(t, "web=10.0.0.1")
		return "a:0 {\nbind 127.0.0.1\nkubernetes a {\nmanifests " + dir + "\n}\n}\nb:0 {\nbind 127.0.0.1\nkubernetes b {\nmanifests " + dir + "\n}\n}"
	}
	p, c = startControlled(t, several, false)
	p.addr()
	if _, err := c.Manifests(); !errors.Is(err, assemble.ErrSeveral) {
		t.Errorf("with several: %v", err)
	}
	if got := len(c.Zones()); got != 2 {
		t.Errorf("%d zones, want 2", got)
	}
}

// TestEmbedded: a server in somebody else's process does nothing to all of it, and
// needs no files.
func TestEmbedded(t *testing.T) {
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	before := forced()
	p, c := startControlled(t, func() string { return ".:0 {\nbind 127.0.0.1\nkubernetes cluster.local\n}" }, true)
	addr := p.addr()
	m, err := c.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(service("web", "10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if got := lookup(t, addr, webName); got != "10.0.0.1" {
		t.Errorf("an object: %s", got)
	}
	families, err := p.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "go_") || strings.HasPrefix(f.GetName(), "process_") {
			t.Errorf("%s is of the whole process", f.GetName())
		}
	}
	if err := p.end(); err != nil {
		t.Error(err)
	}
	if forced() != before {
		t.Error("memory of the whole process was given back")
	}
}

// TestLocal: what stands in the place of a Corefile.
func TestLocal(t *testing.T) {
	at := corefile.Pos{File: "x"}
	kubernetes := corefile.Directive{Name: "kubernetes", Args: []string{"Example.org", "10.0.0.0/8"}, Pos: at}
	bind := corefile.Directive{Name: "bind", Args: []string{"127.0.0.1"}, Pos: at}
	tests := []struct {
		forward string
		want    []string // zones, and directives
		reason  string
	}{
		{"", []string{".: bind kubernetes"}, "names elsewhere are REFUSED"},
		{"192.0.2.1", []string{".: bind kubernetes/fallthrough forward"}, "or somebody else's"},
		{assemble.Nowhere, []string{"example.org. 10.in-addr.arpa.: bind kubernetes", ".: bind template/rcode/authority"}, "or nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			local := assemble.Local{Kubernetes: kubernetes, Common: []corefile.Directive{bind}, Forward: tt.forward}
			var got []string
			for _, b := range local.Blocks() {
				text := strings.Join(b.Zones(), " ") + ":"
				for _, d := range b.Directives {
					text += " " + d.Name
					for _, o := range d.Body {
						text += "/" + o.Name
					}
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(kubernetes.Body) > 0 {
				t.Error("the directive was changed")
			}
		})
	}
}

// TestNowhere: a name that does not exist is kept by nobody.
func TestNowhere(t *testing.T) {
	local := assemble.Local{Forward: assemble.Nowhere, Kubernetes: corefile.Directive{Name: "kubernetes", Args: []string{"cluster.local"}}}
	local.Common = []corefile.Directive{{Name: "bind", Args: []string{"127.0.0.1"}}}
	text := (&corefile.File{Name: "x", Blocks: local.Blocks()}).String()
	p, _ := startControlled(t, func() string { return text }, true)
	addr := p.addr()
	for _, name := range []string{"example.org.", "org.", "svc.example.", "."} {
		m := dnstest.Ask(t, "udp", addr, dnstest.Question(name, dns.TypeA))
		soa := slices.IndexFunc(m.Ns, func(rr dns.RR) bool { s, ok := rr.(*dns.SOA); return ok && s.Minttl == 0 && s.Hdr.Ttl == 0 })
		if m.Rcode != dns.RcodeNameError || soa < 0 {
			t.Errorf("%s: %v, want NXDOMAIN for no time", name, m)
		}
	}
}

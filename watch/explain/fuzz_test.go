package explain_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

// FuzzExplain asks for whatever name and type: each name that does not resolve has a
// cause, which is one line of text.
func FuzzExplain(f *testing.F) {
	for _, ask := range []string{
		"web", "web-0.nginx.prod", "_http._tcp.web", "_._tcp.web", "_zone.web", "a..b", ".", "..", "*.web", "\\032.web", "\xff", "web.pod",
		"_tcp.web.default.svc.cluster.local", "10.1.2.3", "::1", "1.0.96.10.in-addr.arpa", "arpa.", "cluster.local", "svc.cluster.local.",
		"a.b.c.default.pod.cluster.local", "web.default.svc.cluster.locl", "svc.svc.svc.svc.", strings.Repeat("a", 64), strings.Repeat("a.", 130),
	} {
		f.Add(ask, "A")
		f.Add(ask, "")
	}
	text, err := os.ReadFile(setups + "/service-of-statefulset.yaml")
	if err != nil {
		f.Fatal(err)
	}
	objects := manifests(f, string(text))
	f.Fuzz(func(t *testing.T, ask, typ string) {
		q := explain.Question{Name: ask, Path: explain.ClusterFirst("default", name(t, "cluster.local"))}
		if _, ok := zone.ParseType(typ); ok {
			q.Types = []string{typ}
		}
		r, err := explain.Explain(t.Context(), newCluster(t, objects), q)
		if err != nil {
			t.Fatalf("%q: %v", ask, err)
		}
		if r.Resolves == (r.Cause.Code != "") || r.Resolves == (r.Cause.Text != "") {
			t.Errorf("%q: resolves %t, cause %q", ask, r.Resolves, r.Cause)
		}
		for _, line := range append(r.Cause.Hints, r.Cause.Text) {
			if strings.ContainsAny(line, "\n\r") && !strings.ContainsAny(ask, "\n\r") {
				t.Errorf("%q: more than a line: %q", ask, line)
			}
		}
		if err := r.Print(new(strings.Builder)); err != nil {
			t.Error(err)
		}
	})
}

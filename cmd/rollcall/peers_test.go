package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// group is a headless Service nginx in the namespace default, whose pods change.
type group struct {
	t    testing.TB
	file string
	addr string // of a Rollcall that serves it
}

// serveGroup serves a group until the test ends.
func serveGroup(t testing.TB, pods ...string) *group {
	t.Helper()
	g := &group{t: t, file: filepath.Join(t.TempDir(), "nginx.yaml")}
	g.set(pods...)
	g.addr = serve(t, "", "-manifests", g.file, "-listen", "127.0.0.1:0").addr()
	return g
}

// set makes these the ready pods, NAME or NAME=ADDRESS.
func (g *group) set(pods ...string) {
	g.t.Helper()
	text := `apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, ports: [{name: web, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: nginx-1, labels: {kubernetes.io/service-name: nginx}}
addressType: IPv4
ports: [{name: web, port: 80}]
endpoints:
`
	for i, pod := range pods {
		name, addr, ok := strings.Cut(pod, "=")
		if !ok {
			addr = fmt.Sprintf("198.18.77.%d", i+1)
		}
		text += fmt.Sprintf("- {addresses: [%s], hostname: %s}\n", addr, name)
	}
	if len(pods) == 0 {
		text = strings.TrimSuffix(text, "\n") + " []\n"
	}
	next := filepath.Join(filepath.Dir(g.file), ".next")
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, g.file)); err != nil {
		g.t.Fatal(err)
	}
}

// args returns the arguments of peers of the group, with more.
func (g *group) args(more ...string) []string {
	return append([]string{"peers", "nginx", "-server", g.addr, "-interval", "20ms", "-settle", "20ms", "-settle-max", "40ms"}, more...)
}

// full is a pod's name in full.
func full(pod string) string { return pod + ".nginx.default.svc.cluster.local" }

func TestPeersOutput(t *testing.T) {
	g := serveGroup(t, "web-1", "web-0")
	tests := []struct {
		name, want string
		args       []string
	}{
		{"text", full("web-0") + "\n" + full("web-1") + "\n", nil},
		{"wait", full("web-0") + "\n" + full("web-1") + "\n", []string{"-wait", "2"}},
		{"hosts", "198.18.77.2\t" + full("web-0") + " web-0\n198.18.77.1\t" + full("web-1") + " web-1\n", []string{"-o", "hosts"}},
		{
			"env", "PEERS=" + full("web-0") + "," + full("web-1") + "\nPEERS_ADDED=" + full("web-0") + "," + full("web-1") +
				"\nPEERS_REMOVED=\nPEERS_ADDRESSES=198.18.77.2,198.18.77.1\nPEERS_COUNT=2\nPEERS_SELF=\n", []string{"-o", "env"},
		},
		{"template", full("web-0") + ":80 " + full("web-1") + ":80 ", []string{"-port", "web", "-o", "template={{range .Peers}}{{.Name}}:{{.Port}} {{end}}"}},
		{"join", full("web-0") + "+" + full("web-1"), []string{"-o", `template={{join .Names "+"}}`}},
		{
			"json", `{"name":"nginx.default.svc.cluster.local","stale":false,"peers":[{"name":"` + full("web-0") +
				`","addresses":["198.18.77.2"],"port":80},{"name":"` + full("web-1") + `","addresses":["198.18.77.1"],"port":80}],"added":["` +
				full("web-0") + `","` + full("web-1") + `"],"removed":[],"changed":[]}` + "\n", []string{"-o", "json"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := rollcall(t, "", g.args(tt.args...)...)
			if diff := cmp.Diff(tt.want, out); err != nil || diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestPeersStatus(t *testing.T) {
	g := serveGroup(t, "web-1", "web-0")
	dead := []string{"peers", "nginx", "-server", "127.0.0.1:1"}
	nowhere := write(t, "kubeconfig", unreachable)
	tests := []struct {
		name   string
		args   []string
		status int
		text   string // in the error
	}{
		{"found", g.args(), 0, ""},
		{"none", []string{"peers", "none", "-server", g.addr}, statusNoPeers, "there are no peers of none"},
		{"no such port", g.args("-port", "http"), statusNoPeers, "there are no peers of nginx"},
		{"no server", dead, 1, "connection refused"},
		{"no server in time", append(dead, "-timeout", "200ms"), statusTimeout, "no answer about the peers of nginx after 200ms; last failure: asking for nginx.default.svc.cluster.local. SRV"},
		{"no API server in time", []string{"peers", "nginx", "-kubeconfig", nowhere, "-timeout", "200ms"}, statusTimeout, "the objects of the cluster did not come within 200ms"},
		{"too few in time", g.args("-wait", "3", "-timeout", "200ms"), statusTimeout, "2 of 3 peers of nginx (" + full("web-0") + ", " + full("web-1") + ") after 200ms"},
		{"alone", g.args("-on-change", "true", "-timeout", "200ms"), statusTimeout, "this pod is not among the 2 peers of nginx (-need-self=false does not wait for it)"},
		{"script", g.args("-need-self=false", "-on-start", "exit 0"), 0, ""},
		{"script that fails", g.args("-need-self=false", "-on-start", "exit 9"), 1, "the script failed: exit status 9"},
		{"command", g.args("-exec", "sh", "-c", "exit 7"), 7, ""},
		{"command that is killed", g.args("-exec", "sh", "-c", "kill -9 $$"), 137, ""},
		{"command with flags like ours", g.args("-exec", "--", "test", "-o", "=", "-o"), 0, ""},
		{"no such command", g.args("-exec", "there-is-none"), 127, "-exec: exec: "},
		{"no command at all", g.args("-exec", "/etc/passwd"), 126, "-exec: fork/exec /etc/passwd: permission denied"},
		{"file", g.args("-file", "/nowhere/peers"), 1, "-file: open /nowhere/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rollcall(t, "", tt.args...)
			status := 0
			if err != nil {
				status = exit(err, io.Discard)
			}
			if status != tt.status || tt.text != "" && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("status %d, error %v, want %d and %q", status, err, tt.status, tt.text)
			}
		})
	}
}

// unreachable is a kubeconfig of a cluster whose API server is not there.
const unreachable = `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}],
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]}`

// TestPeersEnded ends a look-up by the API before the objects have come.
func TestPeersEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out buffer
	err := run(ctx, []string{"peers", "nginx", "-kubeconfig", write(t, "kubeconfig", unreachable)}, streams{out: &out, err: &out})
	if err == nil || err.Error() != "no answer about the peers of nginx when it was ended" {
		t.Errorf("error %v, want one that says what was waited for", err)
	}
}

// TestPeersWatch follows a set through a change of its pods and the loss of its
// server.
func TestPeersWatch(t *testing.T) {
	g := serveGroup(t, "web-0")
	ctx, stop := context.WithCancel(t.Context())
	var out, log buffer
	ended := make(chan error, 1)
	file := filepath.Join(t.TempDir(), "peers")
	go func() {
		ended <- run(ctx, g.args("-watch", "-o", "json", "-file", file), streams{in: strings.NewReader(""), out: &out, err: &log})
	}()
	last := func() (v peersView) {
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		_ = json.Unmarshal([]byte(lines[len(lines)-1]), &v) // may be none yet
		return v
	}
	dnstest.Eventually(t, "the first set", func() bool { return len(last().Peers) == 1 })
	g.set("web-0", "web-1")
	dnstest.Eventually(t, "the second set", func() bool { return len(last().Peers) == 2 && cmp.Equal(last().Added, []string{full("web-1")}) })
	g.set("web-0=198.18.77.9", "web-1=198.18.77.2")
	dnstest.Eventually(t, "a new address", func() bool { return cmp.Equal(last().Changed, []string{full("web-0")}) })
	dnstest.Eventually(t, "the file", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "198.18.77.9")
	})
	stop()
	if err := dnstest.Receive(t, "the end", ended); err != nil {
		t.Errorf("ended by %v", err)
	}
}

// TestWaitReplicas has an API server that says how many pods a StatefulSet wants,
// after having refused at first.
func TestWaitReplicas(t *testing.T) {
	g := serveGroup(t, "web-0", "web-1")
	asked := make(chan string, 100)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if asked <- r.URL.Path; len(asked) == 1 {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
			return
		}
		fmt.Fprint(w, `{"kind":"StatefulSetList","apiVersion":"apps/v1","items":[
			{"metadata":{"name":"web"},"spec":{"serviceName":"nginx","replicas":3}},
			{"metadata":{"name":"db"},"spec":{"serviceName":"db","replicas":1}}]}`)
	}))
	t.Cleanup(api.Close)
	config := write(t, "kubeconfig", `{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":""}}],
		"clusters":[{"name":"c","cluster":{"server":"`+api.URL+`"}}]}`)
	result := make(chan string, 1)
	go func() {
		out, err := rollcall(t, "", g.args("-wait", "replicas", "-kubeconfig", config)...)
		result <- fmt.Sprint(out, err)
	}()
	dnstest.Eventually(t, "the API is asked again", func() bool { return len(asked) >= 2 })
	select {
	case r := <-result:
		t.Fatalf("it ended with two pods of three: %s", r)
	case <-time.After(100 * time.Millisecond):
	}
	g.set("web-0", "web-1", "web-2")
	want := full("web-0") + "\n" + full("web-1") + "\n" + full("web-2") + "\n<nil>"
	if got := dnstest.Receive(t, "the end", result); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if path := <-asked; path != "/apis/apps/v1/namespaces/default/statefulsets" {
		t.Errorf("asked for %s", path)
	}
}

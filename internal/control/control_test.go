package control

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// web is a StatefulSet with its Service.
const web = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 3
  serviceName: web
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}}
`

// serving is a DNS server, and its API without a socket.
type serving struct {
	control *assemble.Control
	handler http.Handler
	addr    string
}

// startServing serves web until the test ends.
func startServing(t testing.TB) *serving {
	t.Helper()
	s := &serving{control: assemble.NewControl(0)}
	s.handler = Handler(s.control)
	path := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(path, []byte(web), 0o600); err != nil {
		t.Fatal(err)
	}
	s.addr = run(t, s.control, "kubernetes cluster.local {\nmanifests "+path+"\n}")
	return s
}

// run runs a server with a directive and a Control, and returns its address.
func run(t testing.TB, control *assemble.Control, directive string) string {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(".:0 {\nbind 127.0.0.1\n"+directive+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := assemble.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- plan.Run(ctx, assemble.Process{Control: control, Abrupt: true, Listening: func(a netip.AddrPort, _ string) {
			listening <- a.String()
		}})
	}()
	t.Cleanup(func() {
		stop()
		if err := dnstest.Receive(t, "Run's end", ended); err != nil {
			t.Error(err)
		}
	})
	return dnstest.Receive(t, "an address", listening)
}

// ask returns how many addresses a name has, or its rcode.
func (s *serving) ask(t testing.TB, name string) any {
	t.Helper()
	r := dnstest.Ask(t, "udp", s.addr, dnstest.Question(name, dns.TypeA))
	if r.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[r.Rcode]
	}
	return len(r.Answer)
}

// send has the API serve a request.
func (s *serving) send(t testing.TB, method, path, media, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// do is send of JSON, which must succeed.
func (s *serving) do(t testing.TB, method, path, body string) {
	t.Helper()
	if w := s.send(t, method, path, "application/json", body); w.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

// TestVerbs: each is done once it has replied.
func TestVerbs(t *testing.T) {
	s := startServing(t)
	const name = "web.default.svc.cluster.local."
	steps := []struct {
		method, path, body string
		name               string
		want               any // addresses, or an rcode
	}{
		{"GET", "/v1/queries", "", name, 3},
		{"POST", "/v1/ready", `{"pod": "web-1", "ready": false}`, name, 2},
		{"POST", "/v1/scale", `{"namespace": "default", "name": "statefulset/web", "replicas": 5}`, name, 4},
		{"POST", "/v1/roll", `{"name": "web"}`, name, 5},
		{"POST", "/v1/faults", `{"name": "` + name + `", "do": "refuse"}`, name, "REFUSED"},
		{"DELETE", "/v1/faults/1", "", name, 5},
		{"POST", "/v1/faults", `{"do": "servfail", "count": 1}`, name, "SERVFAIL"},
		{"DELETE", "/v1/faults", "", name, 5},
		{"POST", "/v1/records", `{"records": "db.example.org. A 192.0.2.1\ndb.example.org. A 192.0.2.2"}`, "db.example.org.", 2},
		{"DELETE", "/v1/records", "", "db.example.org.", "REFUSED"},
		{"POST", "/v1/delete", `{"kind": "StatefulSet", "name": "web"}`, name, "NXDOMAIN"},
		{"POST", "/v1/apply", web, name, 3},
	}
	for _, step := range steps {
		s.do(t, step.method, step.path, step.body)
		if got := s.ask(t, step.name); got != step.want {
			t.Errorf("after %s %s %s: %v, want %v", step.method, step.path, step.body, got, step.want)
		}
	}
	s.do(t, "POST", "/v1/faults", `{"name": "elsewhere.example", "type": "A", "do": "delay", "delay": "1m30s", "every": 2, "probability": 0.5}`)
	want := `[{"id":3,"name":"elsewhere.example","type":"A","do":"delay","delay":"1m30s","every":2,"probability":0.5,"seen":0,"done":0}]`
	if got := strings.TrimSpace(s.send(t, "GET", "/v1/faults", "", "").Body.String()); got != want {
		t.Errorf("faults: %s, want %s", got, want)
	}
	var asked []query
	if err := json.Unmarshal(s.send(t, "GET", "/v1/queries", "", "").Body.Bytes(), &asked); err != nil {
		t.Fatal(err)
	}
	if len(asked) != len(steps) || asked[4].Rcode != "REFUSED" || asked[0].Name != name || asked[0].Answers != 3 {
		t.Errorf("%d questions are recorded, want %d: %v", len(asked), len(steps), asked)
	}
	s.do(t, "DELETE", "/v1/queries", "")
	if got := strings.TrimSpace(s.send(t, "GET", "/v1/queries", "", "").Body.String()); got != "[]" {
		t.Errorf("after they were forgotten: %s, want []", got)
	}
}

func TestErrors(t *testing.T) {
	s := startServing(t)
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/ready", `{"pod": "web-7", "ready": true}`, 422, "there is no Pod default/web-7; pods there are web-0, web-1, web-2"},
		{"POST", "/v1/ready", `{"pod": "web-1"}`, 400, "ready is missing"},
		{"POST", "/v1/scale", `{"name": "web"}`, 400, "replicas is missing"},
		{"POST", "/v1/scale", `{"name": "web", "replicas": -1}`, 422, "scale web: -1 replicas"},
		{"POST", "/v1/roll", `{"nam": "web"}`, 400, `the body: json: unknown field "nam"`},
		{"POST", "/v1/roll", `{"name": "web"} {}`, 400, "the body: something comes after the object"},
		{"POST", "/v1/roll", `name=web`, 400, "the body: invalid character"},
		{"POST", "/v1/apply", "apiVersion: v1\nkind: Service\nmetadata: {name: A_}", 422, "body:3: metadata.name: "},
		{"POST", "/v1/delete", `{"kind": "Service", "name": "gone"}`, 422, "there is no Service default/gone"},
		{"POST", "/v1/records", `{"records": ""}`, 422, "records: none is given"},
		{"POST", "/v1/faults", `{"do": "break"}`, 400, `"break" can't be done`},
		{"POST", "/v1/faults", `{"do": "delay", "delay": "soon"}`, 400, `delay "soon": want a duration such as 100ms`},
		{"DELETE", "/v1/faults/7", "", 404, "there is no fault 7"},
		{"DELETE", "/v1/faults/x", "", 404, "there is no fault x"},
		{"GET", "/v1/apply", "", 404, "there is no GET /v1/apply; docs/control.md has what there is"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			w := s.send(t, tt.method, tt.path, "application/json", tt.body)
			var got failure
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("Content-Type") != "application/json" {
				t.Fatalf("not JSON: %s", w.Body)
			}
			if w.Code != tt.status || !strings.Contains(got.Error, tt.want) {
				t.Errorf("%d %s, want %d with %s", w.Code, got.Error, tt.status, tt.want)
			}
		})
	}
	none := &serving{control: assemble.NewControl(0)}
	none.handler = Handler(none.control)
	run(t, none.control, "whoami")
	for path, body := range map[string]string{
		"/v1/apply": web, "/v1/delete": `{"kind": "Service", "name": "web"}`, "/v1/ready": `{"pod": "web-0", "ready": true}`,
		"/v1/scale": `{"name": "web", "replicas": 1}`, "/v1/roll": `{"name": "web"}`,
	} {
		if w := none.send(t, "POST", path, "application/json", body); w.Code != 422 || !strings.Contains(w.Body.String(), "no objects come from manifests") {
			t.Errorf("%s without manifests: %d %s", path, w.Code, w.Body)
		}
	}
	early := httptest.NewRecorder()
	Handler(assemble.NewControl(0)).ServeHTTP(early, httptest.NewRequest("POST", "/v1/roll", strings.NewReader(`{"name": "web"}`)))
	if early.Code != http.StatusServiceUnavailable {
		t.Errorf("before anything is served: %d %s, want 503", early.Code, early.Body)
	}
}

// TestGuard: what a web page can have a browser send is refused.
func TestGuard(t *testing.T) {
	const path = "/v1/faults"
	tests := []struct {
		host, media, header, value string
		names                      bool
		want                       int
		reason                     string
	}{
		{"127.0.0.1:5380", "application/json", "", "", true, 200, "a client by address"},
		{"localhost", "application/json; charset=utf-8", "", "", true, 200, "or by the name of this machine"},
		{"[::1]:5380", "application/json", "", "", true, 200, "IPv6"},
		{"[::1]", "application/yaml", "", "", true, 200, "without a port"},
		{"evil.example:5380", "application/json", "", "", true, 403, "a name that was led here: DNS rebinding"},
		{"127.0.0.1.evil.example", "application/json", "", "", true, 403, "that looks like an address"},
		{"192.0.2.1", "application/json", "", "", true, 403, "another address"},
		{"", "application/json", "", "", true, 403, "none"},
		{"sock", "application/json", "", "", false, 200, "at a Unix socket it says nothing"},
		{"127.0.0.1", "text/plain", "", "", true, 415, "a form's type, which any page may send"},
		{"127.0.0.1", "application/x-www-form-urlencoded", "", "", true, 415, "likewise"},
		{"127.0.0.1", "", "", "", true, 415, "no type"},
		{"127.0.0.1", "application/json", "Sec-Fetch-Site", "cross-site", true, 403, "a browser that says whose page it is"},
		{"127.0.0.1", "application/json", "Origin", "https://evil.example", true, 403, "an old one"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			r := httptest.NewRequest("POST", path, strings.NewReader(`{"do": "drop"}`))
			r.Host = tt.host
			if tt.media != "" {
				r.Header.Set("Content-Type", tt.media)
			}
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			c := assemble.NewControl(0)
			w := httptest.NewRecorder()
			guard(Handler(c), tt.names).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.want)
			}
			if set := len(c.Faults.States()) > 0; set != (tt.want == 200) {
				t.Errorf("the fault is set: %v", set)
			}
		})
	}
	large := httptest.NewRequest("POST", "/v1/records", strings.NewReader(`{"records": "`+strings.Repeat(" ", maxBody)+`"}`))
	large.Host = "localhost"
	large.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	guard(Handler(assemble.NewControl(0)), true).ServeHTTP(w, large)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large: %d %s", w.Code, w.Body)
	}
}

func TestListen(t *testing.T) {
	dnstest.NoLeaks(t)
	dir := t.TempDir()
	sock := filepath.Join(dir, "rollcall.sock")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ addr, want string }{
		{"0.0.0.0:0", `-control 0.0.0.0:0: "0.0.0.0" is not of the loopback interface, and whoever reaches it may change every answer: want 127.0.0.1`},
		{":5380", `"" is not of the loopback interface`},
		{"192.0.2.1:0", `"192.0.2.1" is not of the loopback interface`},
		{"example.org:0", `"example.org" is not of the loopback interface`},
		{"5380", "want unix:PATH, or host:port of the loopback interface such as 127.0.0.1:0"},
		{"unix:", "want unix:PATH, such as unix:/tmp/rollcall.sock"},
		{"unix:" + file, "is there and is no socket"},
		{"unix:" + filepath.Join(dir, "missing", "s"), "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			s, err := Listen(tt.addr, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %s", err, tt.want)
			}
			s.Close()
		})
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0", "unix:" + sock} {
		t.Run(addr, func(t *testing.T) {
			s, err := Listen(addr, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			client, url := http.Client{}, s.Addr()
			if path, ok := strings.CutPrefix(url, "unix:"); ok {
				info, err := os.Stat(path)
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the socket: %v, %v; want mode 0600", info, err)
				}
				if _, err := Listen(addr, nil); err == nil || !strings.Contains(err.Error(), "is in use") {
					t.Errorf("a second server: error %v", err)
				}
				url = "http://rollcall"
				client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					var d net.Dialer
					return d.DialContext(ctx, "unix", path)
				}}
			}
			defer client.CloseIdleConnections()
			r, err := client.Get(url + "/v1/queries")
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != http.StatusOK {
				t.Errorf("status %s", r.Status)
			}
		})
	}
	if _, err := os.Stat(sock); !os.IsNotExist(err) {
		t.Errorf("the socket is left over: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".control*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestStaleSocket: one that a process left behind is replaced.
func TestStaleSocket(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	s, err := Listen("unix:"+sock, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNone: without an address there is nothing.
func TestNone(t *testing.T) {
	s, err := Listen("", nil)
	if s != nil || err != nil || s.Control() != nil || s.Addr() != "" || s.Close() != nil {
		t.Errorf("%v, %v", s, err)
	}
}

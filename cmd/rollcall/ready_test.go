package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// readLine waits for a whole line, and returns what it says, with ports that the
// kernel chose replaced by 1 and this process's ID by 2.
func readLine(t *testing.T, text func() string) (line readyLine, addr string) {
	t.Helper()
	dnstest.Eventually(t, "the line is there", func() bool { return strings.HasSuffix(text(), "}\n") })
	if strings.Count(text(), "\n") != 1 {
		t.Errorf("not one line: %q", text())
	}
	if err := json.Unmarshal([]byte(text()), &line); err != nil {
		t.Fatal(err)
	}
	if line.PID != os.Getpid() {
		t.Errorf("process ID %d, want %d", line.PID, os.Getpid())
	}
	line.PID = 2
	for i := range line.Listeners {
		l := &line.Listeners[i]
		if l.Scheme == "dns" {
			addr = net.JoinHostPort(l.Address, strconv.Itoa(int(l.Port)))
		}
		if l.Port == 0 {
			t.Errorf("%+v: no port", *l)
		}
		l.Port = 1
	}
	return line, addr
}

func TestReadyJSON(t *testing.T) {
	const name = "web.default.svc.cluster.local."
	manifests := write(t, "web.yaml", web)
	conf := write(t, "Corefile", ".:0 {\nbind 127.0.0.1 ::1\nlog\nhealth 127.0.0.1:0\nkubernetes example.org {\nmanifests "+manifests+"\n}\n}\n")
	shorthands := []string{"-manifests", manifests, "-listen", "127.0.0.1:0"}
	file := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(file, []byte(`{"pid": 1, "listeners": []}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	zones := []string{"cluster.local", "in-addr.arpa", "ip6.arpa"}
	local := readyListener{"dns", "127.0.0.1", 1, ""}
	tests := []struct {
		to     string
		args   []string
		name   string
		want   readyLine
		reason string
	}{
		{"-", shorthands, name, readyLine{2, zones, []readyListener{local}, ""}, "on standard output, alone"},
		{file, shorthands, name, readyLine{2, zones, []readyListener{local}, ""}, "in place of what an earlier process left"},
		{"-", []string{"-conf", conf}, "web.default.svc.example.org.",
			readyLine{2, []string{"example.org"}, []readyListener{{"dns", "::1", 1, ""}, local, {"http", "127.0.0.1", 1, "health"}}, ""},
			"every listener; the log of queries goes elsewhere"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			dnstest.NoLeaks(t)
			s := serve(t, "", append(tt.args, "-ready-json", tt.to)...)
			text := s.out.String
			if tt.to != "-" {
				text = func() string { b, _ := os.ReadFile(tt.to); return string(b) }
				dnstest.Eventually(t, "the file is new", func() bool { return strings.Contains(text(), `"dns"`) })
			}
			line, addr := readLine(t, text)
			byAddress := cmp.Transformer("set", func(l []readyListener) map[readyListener]int {
				m := map[readyListener]int{}
				for _, one := range l {
					m[one]++
				}
				return m
			})
			if diff := cmp.Diff(tt.want, line, byAddress); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			want := []string{tt.name + " 5 IN A 10.0.0.1"}
			if diff := cmp.Diff(want, dnstest.Text(dnstest.Ask(t, "tcp", addr, dnstest.Question(tt.name, dns.TypeA)).Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if tt.to == "-" && strings.Count(s.out.String(), "\n") != 1 {
				t.Errorf("standard output has more than the line: %q", s.out.String())
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); left != nil {
				t.Errorf("left in the folder: %q", left)
			}
		})
	}
}

func TestReadyJSONErrors(t *testing.T) {
	manifests := write(t, "web.yaml", web)
	missing := filepath.Join(t.TempDir(), "missing")
	tests := []struct{ path, want, reason string }{
		{filepath.Join(missing, "ready.json"), "-ready-json: stat " + missing + ": no such file or directory", "before anything is served"},
		{os.DevNull, "-ready-json " + os.DevNull + ": not a file; want one that may be replaced, or - for standard output", "a device must not be replaced"},
		{"", "wrong usage: -ready-json is empty; rollcall help serve says more", ""},
	}
	for _, tt := range tests {
		out, err := rollcall(t, "", "-manifests", manifests, "-listen", "127.0.0.1:0", "-ready-json", tt.path)
		if err == nil || err.Error() != tt.want || out != "" {
			t.Errorf("%s: error %v, want %s; printed %q", tt.reason, err, tt.want, out)
		}
	}
	t.Run("the folder goes meanwhile", func(t *testing.T) {
		dir := t.TempDir()
		o := readyOutput(filepath.Join(dir, "ready.json"))
		if err := o.prepare(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := o.write(readyLine{}, nil); err == nil {
			t.Error("no error")
		}
	})
}

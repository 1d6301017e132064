package resolvertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// greet has a pod's port say its name to whoever connects.
func greet(t testing.TB, srv *resolvertest.Server, pod string, port int) {
	t.Helper()
	l, err := srv.Listen(pod, port)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "%s:%d\n", pod, port)
			c.Close()
		}
	}()
}

// hear returns what is said at an address, or the error.
func hear(d *resolvertest.Dialer, network, address string) string {
	c, err := d.Dial(network, address)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "unreachable"
	case err != nil:
		return err.Error()
	}
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

func TestDialer(t *testing.T) {
	dnstest.NoLeaks(t)
	srv := resolvertest.NewServer(t,
		resolvertest.StatefulSet("web", 3, "http=8080"), resolvertest.Deployment("prod/api", 1, "80"),
		resolvertest.YAML("apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: 8081}]}"),
		resolvertest.YAML("apiVersion: v1\nkind: Service\nmetadata: {name: nothing}\nspec: {selector: {app: nothing}, ports: [{port: 80}]}"))
	for _, pod := range []string{"web-0", "web-1"} {
		greet(t, srv, pod, 8080)
	}
	greet(t, srv, "web-0", 8081)
	greet(t, srv, "192.0.2.1", 5432)
	srv.AddRR("db.example.org. A 192.0.2.1")
	real, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	go func() {
		for {
			c, err := real.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "itself")
			c.Close()
		}
	}()
	web0 := addrs(t, srv, "web-0.web.default.svc.cluster.local.")
	tests := []struct {
		in, network, address, want, reason string
	}{
		{"default", "tcp", "web-0.web:8080", "web-0:8080", "a pod by its name"},
		{"default", "tcp4", web0 + ":8080", "web-0:8080", "and by its address"},
		{"default", "tcp", "web-1.web:8080", "web-1:8080", "another"},
		{"default", "tcp", "web-2.web:8080", "refused", "one that does not listen"},
		{"default", "tcp", "web-0.web:http", "refused", "or not at this port, which has a name"},
		{"default", "tcp", "front:81", "web-0:8081", "a Service's port leads to its target port"},
		{"default", "tcp", "front:82", "refused", "a port that it does not have"},
		{"default", "tcp", "nothing:80", "refused", "a Service that nothing is behind"},
		{"prod", "tcp", "front.default:80", "web-1:8080", "from another namespace, the next pod"},
		{"default", "tcp", "db.example.org:5432", "192.0.2.1:5432", "an address that listens"},
		{"default", "tcp", "db.example.org:5433", "unreachable", "at another port it is nobody's"},
		{"default", "tcp", "10.244.255.254:80", "unreachable", "an address that no pod has"},
		{"default", "tcp", real.Addr().String(), "itself", "this machine's own"},
		{"default", "tcp", "gone:80", "dial tcp: gone:80: lookup gone on ", "a name that does not exist"},
		{"default", "tcp6", "web-0.web:8080", "dial tcp6: web-0.web:8080: lookup web-0.web", "a family that it does not have"},
		{"default", "udp", "web-0.web:53", "dial udp: web-0.web:53: unknown network udp", "TCP alone"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			if got := hear(srv.DialerIn(tt.in), tt.network, tt.address); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s: %s, want %s", tt.address, got, tt.want)
			}
		})
	}
}

// TestDialerOut: with a Forward, what is not of the cluster is what it is.
func TestDialerOut(t *testing.T) {
	outside := resolvertest.NewServer(t)
	srv := resolvertest.NewServer(t, resolvertest.Forward(outside.Addr()), resolvertest.StatefulSet("web", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that nothing leaves the machine
	_, err := srv.Dialer().DialContext(ctx, "tcp", "192.0.2.1:80")
	if err == nil || errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("error %v, want that of a connection that was given up", err)
	}
	if got := hear(srv.Dialer(), "tcp", "web-0.web:80"); got != "refused" {
		t.Errorf("a pod: %s", got)
	}
}

// TestServiceTurns: connections to a ClusterIP go to the pods that are ready, in turn.
func TestServiceTurns(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("web", 3, "http=8080"),
		resolvertest.YAML("apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}"))
	for _, pod := range []string{"web-0", "web-1", "web-2"} {
		greet(t, srv, pod, 8080)
	}
	turns := func() string {
		var all []string
		for range 4 {
			all = append(all, strings.TrimSuffix(hear(srv.Dialer(), "tcp", "front:80"), ":8080"))
		}
		return strings.Join(all, " ")
	}
	if got := turns(); got != "web-0 web-1 web-2 web-0" {
		t.Errorf("connections go to %s", got)
	}
	srv.SetReady("web-1", false)
	if got := turns(); got != "web-0 web-2 web-0 web-2" {
		t.Errorf("without web-1 they go to %s", got)
	}
	if got := hear(srv.Dialer(), "tcp", addrsOf(t, srv, "web-1")+":8080"); got != "web-1:8080" {
		t.Errorf("a pod that is not ready says %s", got)
	}
}

// addrsOf returns the address of a pod of web, while it is ready.
func addrsOf(t testing.TB, srv *resolvertest.Server, pod string) string {
	t.Helper()
	srv.SetReady(pod, true)
	defer srv.SetReady(pod, false)
	return addrs(t, srv, pod+".web.default.svc.cluster.local.")
}

// TestListen: a listener is one pod's, until it is closed.
func TestListen(t *testing.T) {
	srv, err := resolvertest.Start(resolvertest.IPv6(), resolvertest.StatefulSet("web", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	l, err := srv.Listen("web-0", 80)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Listen("default/web-0", 80); err == nil {
		t.Error("a second listener of one port")
	}
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.Equal(net.IPv6loopback) {
		t.Errorf("it stands at %s, and the server at ::1", ip)
	}
	l.Close()
	if again, err := srv.Listen("web-0", 80); err != nil {
		t.Errorf("once it is closed: %v", err)
	} else {
		srv.Roll("web")
		go func() {
			if c, err := again.Accept(); err == nil {
				c.Close()
			}
		}()
		if c, err := srv.Dialer().Dial("tcp", "web-0.web:80"); err != nil {
			t.Errorf("the pod that came after: %v", err)
		} else {
			c.Close()
		}
	}
	srv.Close()
	if _, err := srv.Listen("web-0", 81); err == nil {
		t.Error("a listener of a Server that is closed")
	}
}

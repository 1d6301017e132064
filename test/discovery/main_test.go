package discovery

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/rollcall"
)

var (
	watchers = flag.Int("watchers", 1000, "how many watchers TestWatchers has")
	after    = flag.Duration("after", 0, "how long after the start TestWatchers begins to measure")
	duration = flag.Duration("for", 5*time.Second, "how long TestWatchers measures")
)

// What TestMain starts and all tests share.
var (
	server *rollcall.Server
	dir    string // of manifests that it follows
)

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := start(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func start(m *testing.M) (status int, err error) {
	logs, err := os.MkdirTemp("", "rollcall-discovery-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(logs)) }()
	dir = filepath.Join(logs, "manifests")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 1, err
	}
	if err := scale("idle", 1, 0); err != nil {
		return 1, err
	}
	ctx := context.Background()
	program, err := rollcall.Build(ctx, false)
	if err != nil {
		return 1, err
	}
	if server, err = rollcall.Run(ctx, program, logs, "serve", "-manifests", dir, "-listen", "127.0.0.1:0"); err != nil {
		return 1, err
	}
	status = m.Run()
	return status, server.Stop()
}

// scale makes a headless Service with pods NAME-0, NAME-1 and so on at 127.0.0.2,
// 127.0.0.3 and so on, whose port "peer" has a number.
func scale(name string, port, pods int) error {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {clusterIP: None, ports: [{name: peer, port: %[2]d}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-1, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: peer, port: %[2]d}]
endpoints: [`, name, port)
	for i := range pods {
		fmt.Fprintf(&b, "{addresses: [%s], hostname: %s-%d},", address(i), name, i)
	}
	b.WriteString("]\n")
	next := filepath.Join(dir, "."+name)
	return errors.Join(os.WriteFile(next, []byte(b.String()), 0o644), os.Rename(next, filepath.Join(dir, name+".yaml")))
}

// address is that of a pod, on this machine.
func address(pod int) string { return fmt.Sprintf("127.0.0.%d", pod+2) }

package corefiles

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// What TestMain starts and all tests share.
var (
	shared      *cluster.Cluster
	program     string            // path of rollcall
	kubeconfigs map[string]string // by account: coredns, which has what kubeadm gives it, and multicluster
	upstreams   map[string]string // host:port of servers, by the names below
)

// The servers behind relays.
const (
	world    = "world"    // the root, example.org, example.com and reverse zones
	corp     = "corp"     // corp.example and consul.local
	inner    = "inner"    // another rollcall, with cluster.local
	recursor = "recursor" // an Unbound that resolves all of world and corp
)

// authoritative are the zone files of world and corp, by apex.
var authoritative = map[string]map[string]string{
	world: {
		".": "root", "example.org.": "example.org", "example.com.": "example.com",
		"113.0.203.in-addr.arpa.": "203.0.113", "8.b.d.0.1.0.0.2.ip6.arpa.": "2001-db8",
	},
	corp: {"corp.example.": "corp.example", "consul.local.": "consul.local"},
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of a test is waiting, for a lameduck period at the least.
	if err := flag.Set("test.parallel", "32"); err != nil {
		panic(err) // the flag is of the standard library
	}
	cluster.Main(m, func(ctx context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		var started []*process.Process
		stop := func() error {
			var errs []error
			for _, p := range started {
				errs = append(errs, p.Stop(10*time.Second))
			}
			return errors.Join(errs...)
		}
		err := prepare(ctx, func(p *process.Process) { started = append(started, p) })
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		return stop, nil
	})
}

// prepare fills the cluster and starts what all tests share.
func prepare(ctx context.Context, started func(*process.Process)) (err error) {
	if err = fill(ctx); err != nil {
		return err
	}
	if program, err = rollcall.Build(ctx, false); err != nil {
		return err
	}
	logf := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	upstreams = map[string]string{}
	for name, files := range authoritative {
		zones, err := peers.ZonePaths("testdata/zones", files)
		if err != nil {
			return err
		}
		dir := filepath.Join(shared.Dir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("preparing an upstream: %w", err)
		}
		s, err := peers.Knot(ctx, dir, zones, peers.Options{Logf: logf})
		if err != nil {
			return err
		}
		started(s.Process)
		upstreams[name] = s.Addr.String()
	}
	if err := startShared(ctx, logf, started); err != nil {
		return err
	}
	conf := filepath.Join(shared.Dir(), "Corefile.inner")
	text := fmt.Sprintf(".:0 {\n bind 127.0.0.1\n kubernetes cluster.local in-addr.arpa ip6.arpa {\n kubeconfig %s\n ttl 30\n }\n}\n", kubeconfigs["coredns"])
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing a Corefile: %w", err)
	}
	s, err := rollcall.Run(ctx, program, shared.Dir(), "-conf", conf)
	if err != nil {
		return err
	}
	started(s.Process)
	upstreams[inner] = s.Addr.String()
	return prepareEnvironment()
}

// prepareEnvironment sets what the rollcalls of the tests find in theirs. Tests
// can't each have one, as they run at once.
func prepareEnvironment() error {
	ports, err := process.FreePorts(1)
	if err != nil {
		return err
	}
	if relayCertificate, err = makeCertificate(shared.Dir(), relayName); err != nil {
		return err
	}
	for _, name := range []string{companyName, serverName} {
		if _, err := makeCertificate(shared.Dir(), name); err != nil {
			return err
		}
	}
	return errors.Join(
		os.Setenv("DNS_PORT", ports[0]),
		os.Setenv("CLUSTER_DOMAIN", "cluster.local"),
		os.Setenv("SSL_CERT_FILE", filepath.Join(shared.Dir(), relayName+".crt")), // of Go's crypto/x509
	)
}

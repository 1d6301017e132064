package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/process"
)

const loopback = "127.0.0.1"

// The addresses that the cluster hands out.
const (
	ServiceCIDRs = "10.96.0.0/12,fd00:10:96::/112"
	// Each node has its own pod ranges, 10.244.N.0/24 and fd00:10:244:N::/64.
	podCIDR4, podCIDR6 = "10.244.%d.0/24", "fd00:10:244:%d::/64"
)

// Config says how to start a Cluster. The zero value works.
type Config struct {
	// Dir takes the data, logs and kubeconfigs; it must exist and be empty.
	// If none is given, one is made, and Stop removes it.
	Dir string
	// Nodes is how many nodes there are; 2 if zero.
	Nodes int
	// Logf gets a line for each long step; nil is silent.
	Logf func(format string, args ...any)
}

// A Cluster is a running control plane. Its methods may be called concurrently,
// but for StopAPIServer, StartAPIServer and Stop.
type Cluster struct {
	dir     string
	ownsDir bool
	logf    func(string, ...any)
	bin     map[string]string // paths of programs by name
	ports   struct{ etcd, peer, api, kwok string }
	client  kubernetes.Interface
	config  *rest.Config

	api       *process.Process // nil while stopped
	processes []*process.Process
}

// Start builds what is missing (minutes from an empty build cache, and ctx
// bounds that too), starts everything, and returns when the API server answers,
// the controllers work, and the nodes are ready. On an error nothing is left
// running.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	c := &Cluster{dir: config.Dir, logf: config.Logf}
	if c.logf == nil {
		c.logf = func(string, ...any) {}
	}
	if config.Nodes == 0 {
		config.Nodes = 2
	}
	if c.dir == "" {
		dir, err := os.MkdirTemp("", "rollcall-cluster-")
		if err != nil {
			return nil, fmt.Errorf("creating the cluster's folder: %w", err)
		}
		c.dir, c.ownsDir = dir, true
	}
	if err := c.start(ctx, config.Nodes); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, nodes int) error {
	var err error
	c.bin, err = binaries.Ensure(ctx, c.logf, binaries.Etcd, binaries.APIServer,
		binaries.ControllerManager, binaries.Scheduler, binaries.Kwok, binaries.Kubectl)
	if err != nil {
		return err
	}
	ports, err := process.FreePorts(4)
	if err != nil {
		return err
	}
	c.ports.etcd, c.ports.peer, c.ports.api, c.ports.kwok = ports[0], ports[1], ports[2], ports[3]
	if err := c.writeSecrets(); err != nil {
		return err
	}

	begin := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("the cluster did not come up in two minutes"))
	defer cancel()
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	if err := c.startControllers(ctx); err != nil {
		return err
	}
	if err := c.startNodes(ctx, nodes); err != nil {
		return err
	}
	c.logf("cluster up in %.1fs, logs in %s", time.Since(begin).Seconds(), c.dir)
	return nil
}

// Client returns a client that may do everything, without a rate limit.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// RESTConfig returns a copy of the configuration behind Client.
func (c *Cluster) RESTConfig() *rest.Config { return rest.CopyConfig(c.config) }

// Kubectl is the path of a kubectl.
func (c *Cluster) Kubectl() string { return c.bin[binaries.Kubectl.Name] }

// Dir is the folder with the logs, one file for each program.
func (c *Cluster) Dir() string { return c.dir }

// Failed prints the end of each log in Dir, also of those that tests put there,
// and keeps the folder, for a test run that failed.
func (c *Cluster) Failed(logf func(string, ...any)) {
	c.ownsDir = false
	logs, _ := filepath.Glob(c.path("*.log")) // the pattern is a good one
	for _, path := range logs {
		logf("---- the end of %s:\n%s", path, process.Tail(path, 10))
	}
}

// Stop ends every process and removes the folder if Start made it. The data is
// nobody's, so nothing is asked to end in good order.
func (c *Cluster) Stop() error {
	if c.api != nil {
		c.api.Kill()
		c.api = nil
	}
	for i := len(c.processes) - 1; i >= 0; i-- {
		c.processes[i].Kill()
	}
	c.processes = nil
	if !c.ownsDir {
		return nil
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	return nil
}

// connect makes the client. QPS -1 switches client-go's own rate limit off.
func (c *Cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig())
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	c.config, c.client = config, client
	return nil
}

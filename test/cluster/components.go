package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/process"
)

//go:embed stages.yaml
var stages []byte

// run starts one program of the cluster and logs to its own file.
func (c *Cluster) run(program binaries.Program, args ...string) (*process.Process, error) {
	return process.Start(process.Spec{
		Name: program.Name,
		Path: c.bin[program.Name],
		Args: args,
		Log:  c.path(program.Name + ".log"),
	})
}

// startEtcd starts etcd with its data in the cluster's folder. Nothing is
// synced to disk: the data need not outlive the machine.
func (c *Cluster) startEtcd(ctx context.Context) error {
	client, peer := "http://"+net.JoinHostPort(loopback, c.ports.etcd), "http://"+net.JoinHostPort(loopback, c.ports.peer)
	p, err := c.run(binaries.Etcd,
		"--data-dir", c.path("etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	if err != nil {
		return err
	}
	c.processes = append(c.processes, p)
	return p.Ready(ctx, func(context.Context) error {
		conn, err := net.Dial("tcp", net.JoinHostPort(loopback, c.ports.etcd))
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// StartAPIServer starts the API server, again after StopAPIServer, at the same
// address and over the same data, and returns when it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	if c.api != nil {
		return errors.New("the API server is running already")
	}
	p, err := c.run(binaries.APIServer,
		"--etcd-servers", "http://"+net.JoinHostPort(loopback, c.ports.etcd),
		"--bind-address", loopback, "--secure-port", c.ports.api, "--cert-dir", c.dir,
		// The endpoint of the Service "kubernetes", which may not be a loopback
		// address. Nobody connects to it.
		"--advertise-address", "192.0.2.1",
		"--service-cluster-ip-range", ServiceCIDRs,
		"--authorization-mode", "RBAC", "--token-auth-file", c.path("tokens.csv"), "--client-ca-file", c.path("clients.crt"),
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file", c.path("tokens.key"), "--service-account-signing-key-file", c.path("tokens.key"),
		"--disable-admission-plugins", "ServiceAccount")
	if err != nil {
		return err
	}
	c.api = p
	return p.Ready(ctx, func(ctx context.Context) error {
		if c.client == nil {
			if err := c.connect(); err != nil {
				return err // the certificate is not there yet
			}
		}
		return c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// StopAPIServer ends the API server as the loss of its machine would: at once,
// and without a word to those who watch. (Asked to end, it would hold on to open
// watches for a minute.)
func (c *Cluster) StopAPIServer() error {
	if c.api == nil {
		return errors.New("the API server is not running")
	}
	c.api.Kill()
	c.api = nil
	return nil
}

// startControllers starts the controller manager and the scheduler, without
// ports of their own, and waits until a controller has done something.
func (c *Cluster) startControllers(ctx context.Context) error {
	manager, err := c.run(binaries.ControllerManager,
		"--kubeconfig", c.AdminKubeconfig(), "--leader-elect=false", "--secure-port", "0",
		// Its own limits are for clusters that last; tests wait for it.
		"--kube-api-qps", "1000", "--kube-api-burst", "1000",
		// Nodes here can't die, and their pods shall not be evicted because a
		// busy machine was slow to say that they live.
		"--node-monitor-grace-period", "24h")
	if err != nil {
		return err
	}
	c.processes = append(c.processes, manager)
	scheduler, err := c.run(binaries.Scheduler,
		"--kubeconfig", c.AdminKubeconfig(), "--leader-elect=false", "--secure-port", "0")
	if err != nil {
		return err
	}
	c.processes = append(c.processes, scheduler)
	return manager.Ready(ctx, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// startNodes starts kwok, makes the nodes, and waits until they are ready.
func (c *Cluster) startNodes(ctx context.Context, n int) error {
	config := c.path("stages.yaml")
	if err := os.WriteFile(config, stages, 0o644); err != nil {
		return fmt.Errorf("writing kwok's stages: %w", err)
	}
	kwok, err := c.run(binaries.Kwok,
		"--kubeconfig", c.AdminKubeconfig(), "--config", config, "--manage-all-nodes", "--node-ip", "192.0.2.2",
		"--server-address", net.JoinHostPort(loopback, c.ports.kwok))
	if err != nil {
		return err
	}
	c.processes = append(c.processes, kwok)
	for i := 1; i <= n; i++ {
		name := fmt.Sprintf("node-%d", i)
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
				corev1.LabelHostname:     name,
				corev1.LabelTopologyZone: fmt.Sprintf("zone-%d", i),
			}},
			Spec: corev1.NodeSpec{PodCIDRs: []string{fmt.Sprintf(podCIDR4, i), fmt.Sprintf(podCIDR6, i)}},
		}
		node.Spec.PodCIDR = node.Spec.PodCIDRs[0]
		if _, err := c.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating a node: %w", err)
		}
	}
	return kwok.Ready(ctx, func(ctx context.Context) error {
		nodes, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range nodes.Items {
			// The scheduler looks at the taint, which goes after the condition.
			if len(node.Spec.Taints) > 0 {
				return fmt.Errorf("%s still has taint %s", node.Name, node.Spec.Taints[0].Key)
			}
			if !nodeReady(&node) {
				return fmt.Errorf("%s is not ready", node.Name)
			}
		}
		return nil
	})
}

func nodeReady(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

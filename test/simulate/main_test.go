package simulate

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// What TestMain starts and all tests share.
var (
	shared  *cluster.Cluster
	program string // path of rollcall
	nodes   string // a manifest of the cluster's nodes
)

func TestMain(m *testing.M) {
	cluster.Main(m, func(ctx context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		var err error
		if program, err = rollcall.Build(ctx, false); err != nil {
			return nil, err
		}
		list, err := c.RunKubectl(ctx, "", "get", "nodes", "-o", "yaml")
		if err != nil {
			return nil, err
		}
		nodes = filepath.Join(c.Dir(), "nodes.yaml")
		return nil, os.WriteFile(nodes, []byte(list), 0o644)
	})
}

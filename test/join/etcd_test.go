package join

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/client/pkg/v3/srv"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rollcall-dns/rollcall/test/process"
)

// TestEtcd has the three members of docs/discovery.md find one another with
// --discovery-srv, and a client find them with etcd's library.
func TestEtcd(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, manifest(t, "etcd"))
	runAll(t, pods)
	domain := "etcd." + ns + ".svc.cluster.local"

	members, err := srv.GetCluster("http", "etcd-server", "etcd-0", domain, nil)
	t.Log(members, err)
	clients, err := srv.GetClient("etcd-client", domain, "")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range pods {
		want = append(want, fmt.Sprintf("http://etcd-%d.%s.:2379", i, domain))
	}
	slices.Sort(clients.Endpoints)
	if diff := cmp.Diff(want, clients.Endpoints); diff != "" {
		t.Errorf("the client's endpoints (-want +got):\n%s", diff)
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: clients.Endpoints, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	err = process.Within(t.Context(), within, func(ctx context.Context) error {
		list, err := client.MemberList(ctx)
		if err == nil && len(list.Members) != len(pods) {
			err = fmt.Errorf("members %v", list.Members)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if _, err := client.Put(ctx, "who", "all"); err != nil {
		t.Fatal(err)
	}
}

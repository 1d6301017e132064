package resolvertest_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// What docs/testing-go.md shows.

// TestManual: each example in the manual is in a test, word for word.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/testing-go.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, path := range []string{"manual_test.go", "example_test.go", "../../test/clientset/clientset_test.go"} {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(source))
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 6 {
		t.Fatalf("found %d examples, want at least 6", len(blocks))
	}
	for _, block := range blocks {
		if !slices.ContainsFunc(sources, func(source string) bool { return strings.Contains(source, block[1]) }) {
			t.Errorf("no test has this example:\n%s", block[1])
		}
	}
}

// TestExampleIsShort: a client, its peers and a change fit on a page.
func TestExampleIsShort(t *testing.T) {
	const most = 25
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "example_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Example" {
			if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > most {
				t.Errorf("Example has %d lines, want %d at most", n, most)
			}
			return
		}
	}
	t.Error("there is no Example")
}

// Peers returns the addresses of the other members of a cluster: what is to be tested.
func Peers(ctx context.Context, r *net.Resolver, service string) ([]string, error) {
	_, records, err := r.LookupSRV(ctx, "peer", "tcp", service)
	if err != nil {
		return nil, err
	}
	var peers []string
	for _, srv := range records {
		peers = append(peers, fmt.Sprintf("%s:%d", strings.TrimSuffix(srv.Target, "."), srv.Port))
	}
	slices.Sort(peers)
	return peers, nil
}

func TestPeers(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("db", 3, "peer=7000"))
	srv.SetReady("db-1", false)

	got, err := Peers(t.Context(), srv.ResolverIn("default"), "db")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"db-0.db.default.svc.cluster.local:7000", "db-2.db.default.svc.cluster.local:7000"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestManifests(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.Dir("../../deploy/examples"))

	addrs, err := srv.ResolverIn("default").LookupHost(t.Context(), "web-0.nginx")
	if err != nil || len(addrs) == 0 {
		t.Errorf("%v, %v", addrs, err)
	}
}

func TestChanges(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("db", 3))
	count := func() int {
		addrs, _ := srv.ResolverIn("default").LookupHost(t.Context(), "db")
		return len(addrs)
	}
	srv.Scale("db", 5) // is done when it returns: the next question sees it
	if n := count(); n != 5 {
		t.Errorf("%d peers, want 5", n)
	}
	srv.Delete("Service", "db")
	if n := count(); n != 0 {
		t.Errorf("%d peers, want none", n)
	}
}

func TestConnections(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.Deployment("api", 2, "http=8080"), resolvertest.StatefulSet("db", 1, "http=8080"))

	// This is db-0: a listener in the place of the pod's port.
	pod, _ := srv.Listen("db-0", 8080)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = pod
	server.Start()
	defer server.Close()

	client := &http.Client{Transport: &http.Transport{DialContext: srv.Dialer().DialContext}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://db-0.db:8080/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := client.Get("http://api:8080/"); err == nil {
		t.Error("no pod of api listens, and yet there was a connection")
	}
}

func TestTimeout(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("db", 3, "peer=7000"))
	srv.Fault(fault.Fault{Name: "*.svc.cluster.local", Type: "SRV", Do: fault.Drop})

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if peers, err := Peers(ctx, srv.ResolverIn("default"), "db"); err == nil {
		t.Errorf("got %v, want an error", peers)
	}
}

func TestQuestions(t *testing.T) {
	srv := resolvertest.NewServer(t, resolvertest.StatefulSet("db", 3, "peer=7000"))
	if _, err := Peers(t.Context(), srv.ResolverIn("default"), "db"); err != nil {
		t.Fatal(err)
	}
	asked := srv.Queries()
	last := asked[len(asked)-1]
	if last.Name != "_peer._tcp.db.default.svc.cluster.local." || last.Rcode != "NOERROR" || last.Answers != 3 {
		t.Errorf("asked %s %s: %s, %d records", last.Name, last.Type, last.Rcode, last.Answers)
	}
}

package differ

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/cluster"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/process"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

var shared *cluster.Cluster

func TestMain(m *testing.M) {
	cluster.Main(m, func(_ context.Context, c *cluster.Cluster) (func() error, error) {
		shared = c
		return nil, nil
	})
}

// ttl is what both servers are told to give their records, in seconds.
const ttl = "5"

// body is what both Corefiles say.
const body = `kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig %s
    pods insecure
    ttl ` + ttl + `
}`

// TestDifferences is the comparison.
func TestDifferences(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	w := newWorld()
	if err := w.load(ctx, shared.Client()); err != nil {
		t.Fatal(err)
	}
	directives := fmt.Sprintf(body, shared.AdminKubeconfig())

	// Both start when all is there, and are ready when they have read it.
	coredns, err := peers.CoreDNS(ctx, shared.Dir(), t.Logf, directives)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(coredns.Process.Kill)
	program, err := rollcall.Build(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "Corefile")
	text := ".:0 {\n    bind 127.0.0.1\n    " + strings.ReplaceAll(directives, "\n", "\n    ") + "\n}\n"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ours := rollcall.Start(t, program, "serve", "-conf", conf)
	for _, server := range []string{coredns.Addr.String(), ours.Addr.String()} {
		if err := synced(ctx, server, w); err != nil {
			t.Fatal(err)
		}
	}

	questions := w.questions()
	if len(questions) != wanted {
		t.Fatalf("the world has %d questions, want %d", len(questions), wanted)
	}
	t.Logf("%d Services, %d slices, %d questions", len(w.services), len(w.slices), len(questions))
	replies, err := askAll(ours.Addr.String(), questions)
	if err != nil {
		t.Fatal(err)
	}
	others, err := askAll(coredns.Addr.String(), questions)
	if err != nil {
		t.Fatal(err)
	}
	client := &dns.Client{Timeout: 5 * time.Second}
	j := &judge{owners: w.owners(), aliases: w.aliases(), ask: func(q question) reply {
		r, err := ask(client, coredns.Addr.String(), q)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}}
	j.compare(t, questions, replies, others)
}

// A judge says of two replies whether they differ as they should.
type judge struct {
	owners  map[string]bool   // see world.owners
	aliases map[string]string // see world.aliases
	ask     func(q question) reply
}

// fold makes every difference that is meant to be go away, also from replies that
// are equal: both may lack what they should have. It calls folded with the class
// of each fold that changes anything.
func (j *judge) fold(c *compared, folded func(id string)) {
	c.records, c.exists = j.owners[c.name]
	c.alias = j.aliases[c.name]
	c.other = func(name string, typ uint16) reply {
		o := &compared{name: name, typ: typ, coredns: j.ask(question{name, typ}), part: true}
		j.fold(o, func(string) {})
		return o.coredns
	}
	for _, class := range classes {
		before := c.rollcall.String() + c.coredns.String()
		class.fold(c)
		if c.rollcall.String()+c.coredns.String() != before {
			folded(class.id)
		}
	}
}

// compare classifies every difference and reports those that no class explains.
func (j *judge) compare(t *testing.T, questions []question, replies, others []reply) {
	counts := make(map[string]int)
	differ, unexplained := 0, 0
	for i, q := range questions {
		c := &compared{name: strings.ToLower(q.name), typ: q.typ, rollcall: replies[i], coredns: others[i]}
		if !c.rollcall.equal(c.coredns) {
			differ++
		}
		j.fold(c, func(id string) { counts[id]++ })
		if c.rollcall.equal(c.coredns) {
			continue
		}
		if unexplained++; unexplained <= 20 {
			t.Errorf("%s\n  rollcall:\n%s  coredns:\n%s", q, c.rollcall, c.coredns)
		}
	}
	t.Logf("%d of %d replies differ", differ, len(questions))
	for _, class := range classes {
		t.Logf("%6d %s", counts[class.id], class.id)
		if counts[class.id] == 0 {
			t.Errorf("nothing shows the difference %q any more: drop it, here and in docs/differences.md", class.id)
		}
	}
	if unexplained > 0 {
		t.Errorf("%d differences that no class explains", unexplained)
	}
}

// synced waits until a server knows the last object of each kind that was
// written. Both get each kind's objects in one list.
func synced(ctx context.Context, server string, w *world) error {
	client := &dns.Client{Timeout: time.Second}
	last := w.services[len(w.services)-1]
	service := question{last.Name + "." + last.Namespace + ".svc.cluster.local.", dns.TypeA}
	endpoint := question{"l-1.leaving-2.10-0-0-1.svc.cluster.local.", dns.TypeA}
	return process.Until(ctx, func(context.Context) error {
		for _, q := range []question{service, endpoint} {
			r, err := ask(client, server, q)
			if err == nil && !r.positive() {
				err = errors.New("not synced: " + r.String())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

package join

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/process"
)

// A question is a line that a program of testdata or of package clients reads, and what it
// must make of the answer.
type question struct {
	ask    string
	want   []string // sorted
	reason string
}

// TestPrograms has resolvers of other languages look up, in a pod, what programs in them
// find their peers by. Package clients has more of what these resolvers make of answers.
func TestPrograms(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, database)
	listed(t, pods)
	addressed(t, pods, 2)
	domain := "db." + ns + ".svc.cluster.local"
	var records, hosts, ip4, ip6, glue []string
	for _, p := range pods {
		name := p.object.Name + "." + domain
		hosts = append(hosts, name+":27017")
		records = append(records, "0/27017/"+name)
		v4, v6 := p.object.Status.PodIPs[0].IP, p.object.Status.PodIPs[1].IP
		ip4, ip6 = append(ip4, v4), append(ip6, v6)
		glue = append(glue, name+"="+v4, name+"="+v6)
	}
	own, address := pods[0].object.Name+"."+domain, pods[0].address
	reversed, err := dns.ReverseAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	var (
		bare  = question{"srv " + domain, records, "libcluster and peer-finder ask at the Service's name"}
		named = question{"srv _mongodb._tcp." + domain, records, "JGroups, Akka and MongoDB ask for a port by its name"}
		v4    = question{"ip4 " + domain, ip4, "all pods, one family"}
		v6    = question{"ip6 " + domain, ip6, "all pods, the other family"}
		self  = question{"ip4 " + own, ip4[:1], "its own name, while it is not ready"}
		ptr   = question{"ptr " + reversed, []string{own}, "what a pod is called by its address"}
	)
	txt := func(empty string) question {
		return question{"txt " + domain, []string{"none " + empty}, "MongoDB's drivers want a name that exists, and has none"}
	}
	tests := []struct {
		program   string
		questions []question
	}{
		{"Erlang", []question{
			{"srv " + domain + ".", records, bare.reason}, bare, named, v4, v6, self, txt("nodata"),
			{"ptr " + address, ptr.want, "RabbitMQ's name of a node"},
			{"glue " + domain, glue, "with each SRV record the addresses of its target, of both families"},
			{"glue _mongodb._tcp." + domain, glue, "Akka reads them rather than ask"},
		}},
		{"Node.js", []question{bare, named, v4, v6, self, ptr, txt("ENODATA")}},
		{"JNDI", []question{bare, named, v4, v6, self, ptr, txt("no-attribute")}},
		{"Java", []question{
			{"ip db", slices.Concat(ip4, ip6), "Elasticsearch, Hazelcast and Cassandra take all addresses"},
			{"ip db-0.db", []string{ip4[0], ip6[0]}, self.reason},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.program, func(t *testing.T) {
			t.Parallel()
			pods[0].ask(t, tt.program, tt.questions)
		})
	}
	t.Run("MongoDB's driver for Node.js", func(t *testing.T) {
		t.Parallel()
		out, err := pods[0].output(t.Context(), "", append(slices.Clone(programs["mongodb"]), "mongodb+srv://"+domain+"/?tls=false")...)
		got := strings.Fields(out)
		if slices.Sort(got); err != nil || !slices.Equal(got, hosts) {
			t.Errorf("seeds %v, error %v; want %v", got, err, hosts)
		}
	})
}

// ask has a program in the pod look up each question, all several times over: answers come
// in another order each time, and with nothing more or less in them.
func (p *pod) ask(t *testing.T, program string, questions []question) {
	t.Helper()
	const rounds = 5
	var input strings.Builder
	for range rounds {
		for _, q := range questions {
			fmt.Fprintln(&input, q.ask)
		}
	}
	out, err := p.output(t.Context(), input.String(), programs[program]...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != rounds*len(questions) {
		t.Fatalf("%d answers to %d questions:\n%s", len(lines), rounds*len(questions), out)
	}
	for i, line := range lines {
		q := questions[i%len(questions)]
		if diff := cmp.Diff(slices.Sorted(slices.Values(q.want)), values(line)); diff != "" {
			t.Errorf("%s: %s: %s (-want +got):\n%s", program, q.ask, q.reason, diff)
		}
	}
}

// values returns what a line of a lookup says was found, sorted, and the line itself
// where nothing was.
func values(line string) []string {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "found" {
		return []string{line}
	}
	var list []string
	for _, w := range words[1:] {
		name, value, glue := strings.Cut(w, "=")
		if !glue {
			name, value = "", w
		}
		if addr, err := netip.ParseAddr(value); err == nil {
			value = addr.String() // Java writes eight groups
		}
		value = strings.TrimSuffix(value, ".")
		if glue {
			value = name + "=" + value
		}
		list = append(list, value)
	}
	slices.Sort(list)
	return list
}

// TestRabbitMQ has three nodes form a cluster by the manifests of docs/discovery.md, one
// after the other.
func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	manifests := strings.ReplaceAll(manifest(t, "RabbitMQ"), ".default.svc", "."+ns+".svc")
	// All pods are there from the start, but their programs.
	pods := statefulSet(t, ns, strings.ReplaceAll(manifests, "  replicas: 3\n", "  replicas: 3\n  podManagementPolicy: Parallel\n"))
	listed(t, pods)
	var want []string
	for i, p := range pods {
		node := fmt.Sprintf("rabbit@%s.rabbit.%s.svc.cluster.local", p.object.Name, ns)
		want = append(want, node)
		runAll(t, pods[i:i+1])
		err := process.Within(t.Context(), within, func(ctx context.Context) error {
			out, err := p.output(ctx, "", append(slices.Clone(programs["rabbitmqctl"]), "--longnames", "--node", node, "cluster_status", "--formatter", "json")...)
			if err != nil {
				return err
			}
			out = out[max(0, strings.IndexByte(out, '{')):] // warnings come first
			var status struct {
				Running []string `json:"running_nodes"`
			}
			if err := json.Unmarshal([]byte(out), &status); err != nil {
				return err
			}
			if slices.Sort(status.Running); !slices.Equal(status.Running, want) {
				return errors.New(cmp.Diff(want, status.Running))
			}
			return nil
		})
		if err != nil {
			t.Fatalf("with %d nodes: %v", i+1, err)
		}
	}
}

package resolvertest

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/record"
	"github.com/rollcall-dns/rollcall/watch"
)

// Server is a DNS server of a cluster that is not there, on a port of its own. Its
// methods are safe for concurrent use.
//
// Those that change something return once it is so, and the next question sees it.
// A Server of NewServer has their errors fail its test, as by t.Fatal, so that what
// they return there need not be looked at.
type Server struct {
	t       reporter
	zone    string // as cluster.local
	addr    netip.AddrPort
	control *assemble.Control
	objects *watch.Manifests
	stop    context.CancelFunc
	ended   chan struct{} // closed once nothing runs any more
	err     error         // once ended is closed
	close   func() error
	feeds   sync.WaitGroup
	foreign bool // there are names outside of the cluster
	log     *slog.Logger
	pods    pods
}

// NewServer starts a Server and closes it when the test ends. An error ends the test.
// It is safe in parallel tests.
func NewServer(t testing.TB, opts ...Option) *Server {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := Start(append([]Option{Logger(log)}, opts...)...)
	if err != nil {
		t.Fatalf("resolvertest: %v", err)
	}
	s.t = t
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("resolvertest: %v", err)
		}
	})
	return s
}

// Start starts a Server. It is up when Start returns: all objects are there, and the
// first question is answered. The caller must close it.
func Start(opts ...Option) (*Server, error) {
	c := config{zone: "cluster.local", log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&c)
	}
	if err := errors.Join(c.errs...); err != nil {
		return nil, err
	}
	plan, err := c.plan()
	if err != nil {
		return nil, err
	}
	s := &Server{
		t: nobody{}, zone: c.zone, foreign: c.forward != "", log: c.log,
		control: assemble.NewControl(c.seed), ended: make(chan struct{}),
	}
	s.close = sync.OnceValue(s.end)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if err := s.run(ctx, plan); err != nil {
		return nil, err
	}
	if s.objects, err = s.control.Manifests(); err == nil {
		err = s.fill(ctx, &c)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// run has the plan run until ctx ends, and waits until it listens.
func (s *Server) run(ctx context.Context, plan *assemble.Plan) error {
	listening := make(chan netip.AddrPort, 1)
	go func() {
		defer close(s.ended)
		s.err = plan.Run(ctx, assemble.Process{
			Logger: s.log, Control: s.control, Embedded: true, Abrupt: true,
			Listening: func(addr netip.AddrPort, _ string) { listening <- addr },
		})
	}()
	select {
	case s.addr = <-listening:
		return nil
	case <-s.ended:
		s.stop()
		return s.err
	}
}

// fill gives the Server its objects.
func (s *Server) fill(ctx context.Context, c *config) error {
	for _, text := range c.texts {
		if err := s.objects.ApplyText("YAML", []byte(text)); err != nil {
			return err
		}
	}
	if len(c.objects) > 0 {
		if err := s.objects.Apply(c.objects...); err != nil {
			return err
		}
	}
	for _, f := range c.feeds {
		if err := s.follow(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// plan returns what a Corefile would say.
func (c *config) plan() (*assemble.Plan, error) {
	at := corefile.Pos{File: "resolvertest"}
	line := func(name string, args ...string) corefile.Directive {
		return corefile.Directive{Name: name, Args: args, Pos: at}
	}
	kubernetes := line("kubernetes", c.zone, "in-addr.arpa", "ip6.arpa")
	kubernetes.Body = []corefile.Directive{line("pods", "insecure"), line("ttl", strconv.Itoa(int(c.ttl/time.Second)))}
	for _, path := range c.paths {
		kubernetes.Body = append(kubernetes.Body, line("manifests", path))
	}
	host := "127.0.0.1"
	if c.ipv6 {
		host = "::1"
	}
	// One reader: a test asks little, and each has memory of its own.
	local := assemble.Local{
		Kubernetes: kubernetes, Forward: cmp.Or(c.forward, assemble.Nowhere),
		Common: []corefile.Directive{line("bind", host), line("multisocket", "1"), line("errors")},
	}
	if c.rotate {
		local.Common = append(local.Common, line("loadbalance"))
	}
	plan, err := assemble.Load(&corefile.File{Name: at.File, Blocks: local.Blocks()})
	if err != nil {
		return nil, err
	}
	return plan, plan.Check()
}

// Close ends the Server: its port is closed, and nothing of it runs, when Close
// returns. More calls do nothing.
func (s *Server) Close() error { return s.close() }

func (s *Server) end() error {
	s.stop()
	s.pods.close()
	s.feeds.Wait()
	<-s.ended
	return s.err
}

// Addr returns where the Server listens, as 127.0.0.1:40053, over UDP and TCP.
func (s *Server) Addr() string { return s.addr.String() }

// reporter is what is told of errors of methods: a test, or nobody.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

type nobody struct{}

func (nobody) Helper()               {}
func (nobody) Fatalf(string, ...any) {}

// check tells of an error, if there is one.
func (s *Server) check(err error) error {
	if err != nil {
		s.t.Helper()
		s.t.Fatalf("resolvertest: %v", err)
	}
	return err
}

// Apply adds objects, each in the place of one of its kind and name. They stay the
// caller's. All are applied, or none.
func (s *Server) Apply(objects ...runtime.Object) error {
	s.t.Helper()
	return s.check(s.objects.Apply(objects...))
}

// ApplyYAML is Apply of a manifest's text.
func (s *Server) ApplyYAML(text string) error {
	s.t.Helper()
	return s.check(s.objects.ApplyText("ApplyYAML", []byte(text)))
}

// Delete takes away an object: Delete("Service", "web"). Names are name or
// namespace/name. What the controllers made of it goes too.
func (s *Server) Delete(kind, name string) error {
	s.t.Helper()
	return s.check(onKey(name, func(namespace, name string) error { return s.objects.Delete(kind, namespace, name) }))
}

// SetReady says whether a pod is ready: SetReady("web-1", false). A pod that is not is
// no answer for its Services, but for those that publish such.
func (s *Server) SetReady(pod string, ready bool) error {
	s.t.Helper()
	return s.check(onKey(pod, func(namespace, name string) error { return s.objects.SetReady(namespace, name, ready) }))
}

// Scale gives a StatefulSet, Deployment or ReplicaSet another number of pods. Where
// several have the name, it is namespace/kind/name.
func (s *Server) Scale(name string, replicas int) error {
	s.t.Helper()
	return s.check(onWorkload(name, func(namespace, name string) error { return s.objects.Scale(namespace, name, replicas) }))
}

// Roll replaces the pods of a workload, as a rollout that is over does: they have
// other addresses, and those of a Deployment other names. The name is as for Scale.
func (s *Server) Roll(name string) error {
	s.t.Helper()
	return s.check(onWorkload(name, func(namespace, name string) error { return s.objects.Roll(namespace, name) }))
}

// AddRR adds a record by hand, as in a master file: "db.example.org. 60 IN A
// 192.0.2.1". Its name is answered with such records alone from then on, whatever the
// cluster has there. Without TTL it has 0.
func (s *Server) AddRR(text string) error {
	s.t.Helper()
	return s.check(s.control.Records.Add(text))
}

// Fault has answers spoiled. It returns what takes the fault away again.
func (s *Server) Fault(f fault.Fault) (remove func(), err error) {
	s.t.Helper()
	id, err := s.control.Faults.Set(f)
	if err := s.check(err); err != nil {
		return func() {}, err
	}
	return func() { s.control.Faults.Clear(id) }, nil
}

// Queries returns the last questions that were asked, 10,000 at most, in the order
// they were answered. What Go's resolver asks beside what one might think is among
// them: A and AAAA at once, and names below the machine's search path.
func (s *Server) Queries() []record.Query { return s.control.Queries.Queries() }

// ClearQueries forgets the questions that were asked so far.
func (s *Server) ClearQueries() { s.control.Queries.Clear() }

// onKey calls f with what a name means.
func onKey(text string, f func(namespace, name string) error) error {
	key, err := parseKey(text)
	if err != nil {
		return err
	}
	return f(key.Namespace, key.Name)
}

// onWorkload is onKey of a name that may have a kind before it.
func onWorkload(text string, f func(namespace, name string) error) error {
	if parts := strings.SplitN(text, "/", 3); len(parts) == 3 {
		return f(parts[0], parts[1]+"/"+parts[2])
	}
	return onKey(text, f)
}

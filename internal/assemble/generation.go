package assemble

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// generation is a Plan that is made to serve, from one reload to the next. What
// outlives it is the run's: sockets, endpoints and metrics.
type generation struct {
	*run
	plan      *Plan
	listeners []*listener
	sources   []*source
	sourceOf  map[*block]*source
	jar       *cookies.Jar         // nil if cookies are off
	enabled   []prometheus.Enabled // handlers, for metrics
	closers   []func()             // of handlers, once nothing is served by them
	// probes run from when the generation serves until it is closed.
	probes []func(context.Context)
}

// source is the zone of one kubernetes directive and where its objects come
// from. A generation takes it over from the one before if nothing about it
// changed.
type source struct {
	zones
	self    string               // the addresses listened on, which are in the zone
	metrics *promclient.Registry // its own: see sourceCollector
	stop    context.CancelFunc   // nil before it runs
	stopped chan struct{}
	failed  error // once stopped is closed
	watched bool  // the run ends if it fails
}

// newGeneration makes a plan's chains. It takes over from old, which may be nil,
// what can stay. No source and no probe runs yet but what old had running.
func (r *run) newGeneration(p *Plan, old *generation) (*generation, error) {
	g := &generation{run: r, plan: p, sourceOf: map[*block]*source{}}
	noJar := g.makeJar(old)
	if old != nil {
		g.adopt(old)
	}
	if err := errors.Join(noJar, g.chains()); err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// makeJar makes the cookies, or keeps those that clients have.
func (g *generation) makeJar(old *generation) error {
	if old != nil {
		was, err := old.plan.cookies()
		is, err2 := g.plan.cookies()
		if err == nil && err2 == nil && was.config == is.config && is.config == (cookies.Config{}) {
			g.jar = old.jar
			return nil
		}
	}
	jar, err := g.plan.jar()
	g.jar = jar
	return err
}

// adopt takes over the sources of old that a block of g describes too.
func (g *generation) adopt(old *generation) {
	var taken []*source
	for i := range g.plan.blocks {
		b := &g.plan.blocks[i]
		for _, s := range old.sources {
			if b.kubernetes != nil && !slices.Contains(taken, s) && sameZones(b.kubernetes, s.config) && s.self == b.self() {
				taken = append(taken, s)
				g.sourceOf[b] = s
				break
			}
		}
	}
}

// sameZones reports whether two kubernetes directives have the same zones, of the
// same objects: what falls through is the handler's matter.
func sameZones(c, d *kubernetes.Config) bool {
	one, other := *c, *d
	one.Fallthrough, other.Fallthrough = nil, nil
	return reflect.DeepEqual(one, other)
}

// self returns a text that changes if what the block listens on does.
func (b *block) self() string {
	hosts, err := b.hosts()
	return fmt.Sprint(hosts, err)
}

// zones makes the zone and the source of a block's kubernetes directive, unless
// it was taken over.
func (g *generation) zones(b *block, hosts []string) error {
	if b.kubernetes == nil {
		return nil
	}
	if s := g.sourceOf[b]; s != nil {
		g.sources = append(g.sources, s)
		return nil
	}
	if slices.Contains(b.kubernetes.Manifests, "-") && g.current.Load() != nil {
		return b.Find("kubernetes")[0].Errorf("standard input (manifests -) can't be read again: this needs a restart")
	}
	self, err := selfAddrs(hosts)
	if err != nil {
		return err
	}
	z, err := NewZone(b.kubernetes, self)
	if err != nil {
		return b.Pos.Errorf("kubernetes: %w", err)
	}
	metrics := promclient.NewRegistry()
	var from Source
	if !g.rehearsal {
		if from, err = newSource(b.kubernetes, g.Process, metrics); err != nil {
			return b.Pos.Errorf("%w", err)
		}
	}
	s := &source{zones: zones{z, from, b.kubernetes}, self: b.self(), metrics: metrics, stopped: make(chan struct{})}
	g.sources = append(g.sources, s)
	g.sourceOf[b] = s
	return nil
}

// run has a source deliver to sink, which is its zone, until it is stopped. Settle
// says that memory is given back once the zone is synced.
func (s *source) run(ctx context.Context, sink watch.Sink, settle bool) {
	ctx, s.stop = context.WithCancel(ctx)
	go func() {
		defer close(s.stopped)
		var settled sync.WaitGroup
		if settle {
			settled.Go(func() { s.settle(ctx) })
		}
		s.failed = s.source.Run(ctx, sink)
		s.stop()
		settled.Wait()
	}()
}

// settle gives back, once the zone is synced, what memory it took to get there:
// reading all objects at once takes about as much as they do, and the collector
// would keep that for a heap which hardly allocates any more.
func (s *source) settle(ctx context.Context) {
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for !s.zone.Snapshot().Synced {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	debug.FreeOSMemory()
}

// settlePoll is how often a zone is asked whether there is memory to give back.
const settlePoll = 100 * time.Millisecond

// start has the sources deliver that don't yet.
func (g *generation) start(ctx context.Context) {
	for _, s := range g.sources {
		if s.stop == nil {
			s.run(ctx, &announced{Zone: s.zone, synced: g.wake}, !g.Embedded)
		}
	}
}

// announced is a zone that gives word once it is synced.
type announced struct {
	*zone.Zone
	once   sync.Once
	synced chan<- struct{} // somebody may be waiting for another zone's word there
}

// Apply implements watch.Sink.
func (a *announced) Apply(events ...zone.Event) {
	a.Zone.Apply(events...)
	if a.Snapshot().Synced {
		a.once.Do(func() {
			select {
			case a.synced <- struct{}{}:
			default: // one is not taken yet, and is of as much use
			}
		})
	}
}

// syncPoll is how often the zones are asked whether they are synced, where nothing
// gives word: a source may have failed.
const syncPoll = 5 * time.Millisecond

// awaitSync waits until every zone is synced that old, which may be nil, does not
// serve as it is, for the longest startup_timeout at most, or until ctx is done. It
// reports whether they are.
func (g *generation) awaitSync(ctx context.Context, old *generation) (bool, error) {
	timeout := time.NewTimer(g.startupTimeout())
	defer timeout.Stop()
	tick := time.NewTicker(syncPoll)
	defer tick.Stop()
	for !g.synced(old) {
		for _, s := range g.sources {
			select {
			case <-s.stopped:
				if s.failed != nil {
					return false, s.failed
				}
			default:
			}
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-timeout.C:
			return false, nil
		case <-g.wake:
		case <-tick.C:
		}
	}
	return true, nil
}

func (g *generation) startupTimeout() (longest time.Duration) {
	for _, s := range g.sources {
		longest = max(longest, s.config.StartupTimeout)
	}
	return longest
}

// synced reports whether every zone is synced that old, which may be nil, does not
// serve too.
func (g *generation) synced(old *generation) bool {
	return !slices.ContainsFunc(g.sources, func(s *source) bool { return !old.shows(s) && !s.zone.Snapshot().Synced })
}

// shows reports whether a source serves this generation.
func (g *generation) shows(s *source) bool { return g != nil && slices.Contains(g.sources, s) }

// stopSources ends the sources that next, which may be nil, did not take over.
func (g *generation) stopSources(next *generation) {
	for _, s := range g.sources {
		if next.shows(s) {
			continue
		}
		if s.stop != nil {
			s.stop()
			<-s.stopped
		}
	}
}

// probe runs the probes, until the generation is closed.
func (g *generation) probe(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, probe := range g.probes {
		all.Go(func() { probe(ctx) })
	}
	g.closers = append(g.closers, func() {
		stop()
		all.Wait()
	})
}

// close ends the handlers. Nothing may be served by them any more.
func (g *generation) close() {
	// The last made first: it may still ask those behind it.
	for _, done := range slices.Backward(g.closers) {
		done()
	}
	g.closers = nil
}

// allZones returns the zones of all sources.
func (g *generation) allZones() []*zone.Zone {
	var all []*zone.Zone
	for _, s := range g.sources {
		all = append(all, s.zone)
	}
	return all
}

// addrs returns the addresses of a name in the zones; the first zone that has any
// counts.
func (g *generation) addrs(name zone.Name) []netip.Addr {
	for _, s := range g.sources {
		if addrs := s.zone.Snapshot().Addrs(name); len(addrs) > 0 {
			return addrs
		}
	}
	return nil
}

// warm gets the zones ready for questions.
func (g *generation) warm(names [][]byte) {
	for _, s := range g.sources {
		s.zone.Snapshot().Warm(names)
	}
}

// responder answers what comes to a listener.
func (g *generation) responder(l *listener) *resolver.Responder {
	return &resolver.Responder{
		Handler:     g.Control.front(l.mux),
		Cookies:     g.jar,
		Warm:        g.warm,
		IdleTimeout: l.idle(),
		Rejected:    func(q *resolver.Query, _ *resolver.Reply, o resolver.Outcome, _ int) { g.metrics.Rejected(q, o) },
		Panicked:    func(q *resolver.Query, reason any) { g.panicked(l.label(), q, reason) },
	}
}

package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
	"github.com/rollcall-dns/rollcall/resolver/health"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
	"github.com/rollcall-dns/rollcall/resolver/ready"
	"github.com/rollcall-dns/rollcall/resolver/server"
	"github.com/rollcall-dns/rollcall/zone"
)

// Process is what a Plan runs in. The zero value runs without standard input,
// output and log.
type Process struct {
	Stdin    io.Reader
	Stdout   io.Writer // query logs
	Logger   *slog.Logger
	Registry *promclient.Registry // nil makes one
	// Version and Revision name the program.
	Version, Revision string
	Now               func() time.Time
	// Listening is told of each DNS address once it is open. May be nil.
	Listening func(netip.AddrPort)
}

func (p *Process) setDefaults() {
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	if p.Registry == nil {
		p.Registry = promclient.NewRegistry()
	}
	if p.Now == nil {
		p.Now = time.Now
	}
}

// run is a Plan being run.
type run struct {
	Process
	plan    *Plan
	metrics *prometheus.Metrics
	sources []zones
	zoneOf  map[*block]*zone.Zone
	jar     *cookies.Jar // nil if cookies are off
	closers []func()     // of handlers, once nothing is served

	failed chan error // the first error of anything that runs
	tasks  sync.WaitGroup
}

func newRun(p *Plan, process Process) *run {
	process.setDefaults()
	return &run{Process: process, plan: p, zoneOf: map[*block]*zone.Zone{}, failed: make(chan error, 1)}
}

// Run runs the plan until ctx is done, and then through lameduck and drain. It
// returns nil if nothing failed.
func (p *Plan) Run(ctx context.Context, process Process) error {
	r := newRun(p, process)
	// What runs ends after the sockets are drained, and not with ctx.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer r.tasks.Wait()
	defer stop()
	if err := r.registerMetrics(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	jar, err := p.jar()
	if err != nil {
		return err
	}
	r.jar = jar
	listeners, err := r.chains()
	if err != nil {
		return err
	}
	defer func() {
		for _, done := range r.closers {
			done()
		}
	}()
	if err := r.Registry.Register(newZoneCollector(r.allZones())); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	drain, err := r.endpoints(running)
	if err != nil {
		return err
	}
	for _, s := range r.sources {
		r.start(func() error { return s.source.Run(running, s.zone) })
	}
	if err := r.awaitSync(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	servers, err := r.listen(listeners)
	if err != nil {
		return err
	}
	select {
	case err = <-r.failed:
	case <-ctx.Done():
		r.lameduck()
	}
	drain()
	r.shutdown(servers)
	return err
}

func (r *run) allZones() []*zone.Zone {
	var all []*zone.Zone
	for _, s := range r.sources {
		all = append(all, s.zone)
	}
	return all
}

// start runs f in the background. Its error ends the run.
func (r *run) start(f func() error) {
	r.tasks.Add(1)
	go func() {
		defer r.tasks.Done()
		if err := f(); err != nil {
			select {
			case r.failed <- err:
			default:
			}
		}
	}()
}

func (r *run) registerMetrics() (err error) {
	if r.metrics, err = prometheus.NewMetrics(r.Registry); err != nil {
		return err
	}
	if err := prometheus.BuildInfo(r.Registry, r.Version, r.Revision); err != nil {
		return err
	}
	runtime := collectors.NewGoCollector()
	if r.plan.runtimeMetrics() {
		runtime = collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.MetricsAll))
	}
	return errors.Join(
		r.Registry.Register(runtime),
		r.Registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})))
}

// runtimeMetrics reports whether a block asks for all of the Go runtime's metrics.
func (p *Plan) runtimeMetrics() bool {
	return slices.ContainsFunc(p.blocks, func(b block) bool { return b.prometheus != nil && b.prometheus.RuntimeMetrics })
}

// endpoints opens the HTTP endpoints. They answer at once: a process that waits
// for its first sync is alive, and not ready.
func (r *run) endpoints(ctx context.Context) (drain func(), err error) {
	var readies []*ready.Server
	drain = func() {
		for _, s := range readies {
			s.Drain()
		}
	}
	opened := map[string]bool{} // blocks may share an endpoint; two endpoints with port 0 are two
	first := func(endpoint, address string) bool {
		was := opened[endpoint+address]
		opened[endpoint+address] = true
		return !was
	}
	for i := range r.plan.blocks {
		b := &r.plan.blocks[i]
		if b.health != nil && first("health", b.health.Address) {
			c := *b.health
			c.Logger, c.Registerer = r.Logger, r.Registry
			s, err := health.New(c)
			if err != nil {
				return drain, err
			}
			r.start(func() error { return s.Run(ctx) })
			r.Logger.Info("health endpoint", "address", s.Addr())
		}
		if b.ready != nil && first("ready", b.ready.Address) {
			c := *b.ready
			c.Logger, c.Checks = r.Logger, r.checks()
			s, err := ready.New(c)
			if err != nil {
				return drain, err
			}
			readies = append(readies, s)
			r.start(func() error { return s.Run(ctx) })
			r.Logger.Info("ready endpoint", "address", s.Addr())
		}
		if b.prometheus != nil && first("prometheus", b.prometheus.Address) {
			s, err := prometheus.NewServer(prometheus.ServerConfig{
				Address: b.prometheus.Address, Gatherer: r.Registry, Logger: r.Logger,
			})
			if err != nil {
				return drain, err
			}
			r.start(func() error { return s.Run(ctx) })
			r.Logger.Info("metrics endpoint", "address", s.Addr())
		}
	}
	return drain, nil
}

// checks are what must be so for the process to be ready.
func (r *run) checks() []ready.Check {
	var checks []ready.Check
	for _, s := range r.sources {
		checks = append(checks, ready.Check{
			Name:  "kubernetes",
			Ready: func() bool { return s.zone.Snapshot().Synced },
		})
	}
	return checks
}

// syncPoll is how often the zones are asked whether they are synced.
const syncPoll = 5 * time.Millisecond

// awaitSync waits until every zone is synced, or for the longest
// startup_timeout, or until ctx is done. Names that are not known by then are
// SERVFAIL, and what other handlers serve need not wait any longer.
func (r *run) awaitSync(ctx context.Context) error {
	var longest time.Duration
	for _, s := range r.sources {
		longest = max(longest, s.config.StartupTimeout)
	}
	timeout := time.NewTimer(longest)
	defer timeout.Stop()
	tick := time.NewTicker(syncPoll)
	defer tick.Stop()
	for !r.synced() {
		select {
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return nil
		case <-timeout.C:
			r.Logger.Warn("serving before the first full sync: until then, names of the cluster are SERVFAIL",
				"startup_timeout", longest)
			return nil
		case <-tick.C:
		}
	}
	return nil
}

func (r *run) synced() bool {
	for _, s := range r.sources {
		if !s.zone.Snapshot().Synced {
			return false
		}
	}
	return true
}

// listen opens the DNS sockets and serves.
func (r *run) listen(listeners []listener) ([]*server.Server, error) {
	var servers []*server.Server
	for _, l := range listeners {
		s, err := server.Listen(r.serverConfig(l))
		if err != nil {
			for _, open := range servers {
				open.Close()
			}
			return nil, err
		}
		servers = append(servers, s)
		r.start(func() error {
			s.Serve()
			return nil
		})
		if r.Listening != nil {
			r.Listening(s.Addr())
		}
	}
	return servers, nil
}

// warm gets the zones ready for questions.
func (r *run) warm(names [][]byte) {
	for i := range r.sources {
		r.sources[i].zone.Snapshot().Warm(names)
	}
}

// serverConfig says how a listener is served.
func (r *run) serverConfig(l listener) server.Config {
	return server.Config{
		Addr:         l.addr,
		Logger:       r.Logger,
		Readers:      l.readers(),
		IdleTimeout:  l.idle(),
		ReadTimeout:  l.timeouts.config.Read,
		WriteTimeout: l.timeouts.config.Write,
		Responder: &resolver.Responder{
			Handler:     l.mux,
			Cookies:     r.jar,
			Warm:        r.warm,
			IdleTimeout: l.idle(),
			Rejected:    func(q *resolver.Query, _ *resolver.Reply, o resolver.Outcome, _ int) { r.metrics.Rejected(q, o) },
			Panicked:    func(q *resolver.Query, reason any) { r.panicked(label(l.addr), q, reason) },
		},
	}
}

// panicked counts and logs a panic, on the goroutine that it is unwinding.
func (r *run) panicked(server string, q *resolver.Query, reason any) {
	r.metrics.Panicked(server)
	log := r.Logger.With("name", zone.Name(q.Name()), "type", q.Type, "reason", reason)
	if slices.ContainsFunc(r.plan.blocks, func(b block) bool { return b.errors != nil && b.errors.Stacktrace }) {
		log = log.With("stack", string(debug.Stack()))
	}
	log.Error("panic while answering")
}

// lameduck goes on answering for as long as the longest lameduck says, so that
// clients which still send here are served until they have heard.
func (r *run) lameduck() {
	var longest time.Duration
	for i := range r.plan.blocks {
		if h := r.plan.blocks[i].health; h != nil {
			longest = max(longest, h.Lameduck)
		}
	}
	if longest == 0 {
		return
	}
	r.Logger.Info("lameduck: answering still", "for", longest)
	select {
	case <-time.After(longest):
	case err := <-r.failed:
		r.Logger.Error("failed in lameduck", "err", err)
	}
}

// shutdownTime bounds how long connections may take to be drained.
const shutdownTime = 5 * time.Second

// shutdown drains and closes the DNS sockets.
func (r *run) shutdown(servers []*server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	errs := make([]error, len(servers))
	var wait sync.WaitGroup
	for i, s := range servers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			errs[i] = s.Shutdown(ctx)
		}()
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		r.Logger.Warn("some connections were cut", "err", err)
	}
}

package assemble

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/https"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
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
	// Listening is told of each DNS address once it is open, and its scheme. May be
	// nil.
	Listening func(addr netip.AddrPort, scheme string)
	// Serving is told once, when the DNS sockets are open and every zone is synced.
	// Its error ends the run. May be nil.
	Serving func(Announcement) error
	// Abrupt closes the DNS sockets at the end of ctx with what has arrived, for
	// when nobody can be waiting for answers.
	Abrupt bool
	// Load returns the plan that the configuration stands for now; nil if there
	// is nothing to reload. Reload has it reloaded, beside what the directive of
	// that name says.
	Load   func() (*Plan, error)
	Reload <-chan os.Signal
	// ConfigMap names the ConfigMap that kube-dns was configured by, and that says
	// more than the Corefile does; its zero value is none.
	ConfigMap zone.Key
	// Control, if set, changes what is served and records what is asked. It is of
	// this process alone.
	Control *Control
	// Embedded says that the process of the operating system is somebody else's, a
	// test's that has other servers in it: nothing is done or measured that is of all
	// of it, and files are read once. Objects come from manifests, or if none are
	// named from Control alone.
	Embedded bool
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

// run is a process that runs one Plan after another.
type run struct {
	Process
	metrics   *prometheus.Metrics
	handlers  handlerMetrics
	reloads   *reloadMetrics
	refused   string     // why the configuration as it is now is not served; "" if it is
	configMap *configMap // nil for none
	current   atomic.Pointer[generation]
	serving   atomic.Bool   // DNS sockets are open
	wake      chan struct{} // has room for one word that a zone is synced
	endpoints endpoints
	servers   map[string]dnsServer     // by address, as the Corefile has it
	draining  map[string]chan struct{} // addresses whose sockets are closed when the channel is
	rehearsal bool                     // nothing is going to be served, and no source made

	failed chan error // the first error of anything that runs
	tasks  sync.WaitGroup
}

func newRun(process Process) *run {
	process.setDefaults()
	r := &run{
		Process: process, servers: map[string]dnsServer{}, draining: map[string]chan struct{}{},
		wake: make(chan struct{}, 1), failed: make(chan error, 1),
	}
	r.endpoints.run = r
	if r.Control != nil {
		r.Control.run.Store(r)
	}
	return r
}

// Run runs the plan until ctx is done, and then through lameduck and drain. It
// returns nil if nothing failed.
func (p *Plan) Run(ctx context.Context, process Process) error {
	r := newRun(process)
	// What runs ends after the sockets are drained, and not with ctx.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer r.tasks.Wait()
	defer stop()
	if err := r.registerMetrics(p); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	began := time.Now()
	if err := r.followConfigMap(running, p); err != nil {
		return err
	}
	g, err := r.newGeneration(p, nil)
	if err != nil {
		return err
	}
	r.current.Store(g)
	defer func() {
		g := r.current.Load()
		g.stopSources(nil)
		g.close()
	}()
	r.metrics.Enabled(g.enabled)
	opened, err := r.endpoints.open(g)
	if err != nil {
		return err
	}
	r.endpoints.serve(running, g, opened)
	g.start(running)
	synced, err := g.awaitSync(ctx, nil)
	if err != nil {
		return err
	}
	r.awaitConfigMap(ctx, began.Add(g.startupTimeout()))
	if ctx.Err() != nil {
		return nil
	}
	if !synced {
		// What other handlers serve need not wait any longer.
		r.Logger.Warn("serving before the first full sync: until then, names of the cluster are SERVFAIL",
			"startup_timeout", g.startupTimeout())
	}
	if !r.takeConfigMap(ctx, running) {
		r.watchSources(g)
		serve, err := r.listen(ctx, g)
		if err != nil {
			return err
		}
		serve()
		g.probe(running)
	}
	r.serving.Store(true)
	r.announce(running, r.current.Load())
	err = r.serve(ctx, running)
	if err == nil {
		r.lameduck()
	}
	r.endpoints.drain()
	r.shutdown(slices.Collect(maps.Values(r.servers)))
	return err
}

// serve waits until ctx is done or something fails, and reloads meanwhile.
func (r *run) serve(ctx, running context.Context) error {
	timer := time.NewTimer(r.nextLook())
	defer timer.Stop()
	for {
		select {
		case err := <-r.failed:
			return err
		case <-ctx.Done():
			return nil
		case <-r.configMapChanged():
			r.takeConfigMap(ctx, running)
			continue
		case <-timer.C:
			r.reload(ctx, running, false)
		case _, ok := <-r.Process.Reload:
			if !ok {
				r.Process.Reload = nil // nobody tells any more
				continue
			}
			r.reload(ctx, running, true)
		}
		timer.Reset(r.nextLook())
	}
}

// watchSources has the run fail if a source of g does while it serves.
func (r *run) watchSources(g *generation) {
	for _, s := range g.sources {
		if s.watched {
			continue
		}
		s.watched = true
		r.start(func() error {
			<-s.stopped
			if r.current.Load().shows(s) {
				return s.failed
			}
			return nil
		})
	}
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

// registerMetrics registers the metrics of the process.
func (r *run) registerMetrics(p *Plan) (err error) {
	if r.metrics, err = prometheus.NewMetrics(r.Registry); err != nil {
		return err
	}
	if r.handlers, err = newHandlerMetrics(r.Registry); err != nil {
		return err
	}
	if r.reloads, err = newReloadMetrics(r.Registry, p); err != nil {
		return err
	}
	if r.configMap, err = newConfigMap(r); err != nil {
		return err
	}
	if err := prometheus.BuildInfo(r.Registry, r.Version, r.Revision); err != nil {
		return err
	}
	zones := func() []*zone.Zone {
		if g := r.current.Load(); g != nil {
			return g.allZones()
		}
		return nil
	}
	if err := errors.Join(r.Registry.Register(newZoneCollector(zones)), r.Registry.Register(sourceCollector{r.current.Load})); err != nil || r.Embedded {
		return err
	}
	runtime := collectors.NewGoCollector()
	if p.runtimeMetrics() {
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

// listen opens the DNS sockets that are not open yet: all of them, or none. For
// those that are being drained it waits until they are closed, or ctx is done. The
// function that it returns has them served, once g is the current generation.
func (r *run) listen(ctx context.Context, g *generation) (serve func(), err error) {
	missing := slices.DeleteFunc(slices.Clone(g.listeners), func(l *listener) bool { return r.servers[l.addr] != nil })
	for _, l := range missing {
		if err := r.makeWay(ctx, g, l); err != nil {
			return nil, r.inTheWay(l.addr, err)
		}
	}
	var opened []dnsServer
	for _, l := range missing {
		s, err := r.open(g, l)
		if err != nil {
			for _, s := range opened {
				s.Close()
			}
			return nil, r.inTheWay(l.addr, err)
		}
		opened = append(opened, s)
	}
	return func() {
		for i, s := range opened {
			l := missing[i]
			r.servers[l.addr] = s
			r.start(func() error {
				s.Serve()
				return nil
			})
			if r.Listening != nil {
				r.Listening(s.Addr(), l.scheme)
			}
		}
	}, nil
}

// makeWay waits until the sockets that went and are in the way of a listener are
// closed. If its own will not keep other processes off the port, it looks whether one
// is there, unless this process has the port.
func (r *run) makeWay(ctx context.Context, g *generation, l *listener) error {
	if err := r.drained(ctx, l.addr); err != nil {
		return err
	}
	for addr := range r.servers {
		if overlap(addr, l.addr) {
			return nil
		}
	}
	if !g.hasBeside(l) {
		return nil
	}
	probe, err := net.Listen("tcp", l.addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	return probe.Close()
}

// hasBeside reports whether g has listeners beside l.
func (g *generation) hasBeside(l *listener) bool {
	return slices.ContainsFunc(g.listeners, func(o *listener) bool { return beside(o.addr, l.addr) })
}

// dnsServer is a server of DNS messages.
type dnsServer interface {
	Addr() netip.AddrPort
	Serve()
	Swap(*resolver.Responder)
	Shutdown(context.Context) error
	Close()
}

// open opens the sockets of a listener.
func (r *run) open(g *generation, l *listener) (dnsServer, error) {
	c := r.serverConfig(g, l)
	if l.scheme != "https" {
		return server.Listen(c)
	}
	return https.Listen(https.ServerConfig{
		Addr: c.Addr, Listen: c.ListenTCP, TLS: c.TLS, Responder: c.Responder, MaxConns: l.https.MaxConns, Logger: r.Logger,
		ReadTimeout:  cmp.Or(c.ReadTimeout, httpsReadTimeout),
		WriteTimeout: cmp.Or(c.WriteTimeout, httpsWriteTimeout),
		IdleTimeout:  c.IdleTimeout,
	})
}

// Timeouts of HTTPS unless told otherwise. That of writing holds the time that
// the reply takes to be made.
const (
	httpsReadTimeout  = 5 * time.Second
	httpsWriteTimeout = 10 * time.Second
)

// secure returns the TLS of a listener, which follows reloads; nil is none.
func (r *run) secure(l *listener) *tls.Config {
	if l.tls == nil {
		return nil
	}
	protocols := []string{"dot"} // RFC 7858 has no name for it; this is the registered one
	if l.scheme == "https" {
		protocols = []string{"h2", "http/1.1"}
	}
	return &tls.Config{
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			for _, now := range r.current.Load().listeners {
				if now.addr == l.addr && now.tls != nil {
					c := now.tls.Clone()
					c.NextProtos = protocols
					return c, nil
				}
			}
			return nil, net.ErrClosed
		},
	}
}

// serverConfig says how a listener is served.
func (r *run) serverConfig(g *generation, l *listener) server.Config {
	listenTCP := net.Listen
	if g.hasBeside(l) {
		listenTCP = server.ListenBeside
	}
	return server.Config{
		Addr:         l.addr,
		ListenTCP:    listenTCP,
		Logger:       r.Logger,
		Readers:      l.readers(),
		OneByOne:     r.Embedded,
		IdleTimeout:  l.idle(),
		ReadTimeout:  l.timeouts.config.Read,
		WriteTimeout: l.timeouts.config.Write,
		Limited:      func(limit server.Limit) { r.metrics.Limited(string(limit)) },
		Responder:    g.responder(l),
		TLS:          r.secure(l),
	}
}

// panicked counts and logs a panic, on the goroutine that it is unwinding.
func (r *run) panicked(server string, q *resolver.Query, reason any) {
	r.metrics.Panicked(server)
	log := r.Logger.With("name", zone.Name(q.Name()), "type", q.Type, "reason", reason)
	if slices.ContainsFunc(r.current.Load().plan.blocks, func(b block) bool { return b.errors != nil && b.errors.Stacktrace }) {
		log = log.With("stack", string(debug.Stack()))
	}
	log.Error("panic while answering")
}

// lameduck goes on answering for as long as the longest lameduck says, so that
// clients which still send here are served until they have heard.
func (r *run) lameduck() {
	var longest time.Duration
	blocks := r.current.Load().plan.blocks
	for i := range blocks {
		if h := blocks[i].health; h != nil {
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

// shutdown drains the DNS sockets, if anybody may be waiting, and closes them.
func (r *run) shutdown(servers []dnsServer) {
	if r.Abrupt {
		for _, s := range servers {
			s.Close()
		}
		return
	}
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

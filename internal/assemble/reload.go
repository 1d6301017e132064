package assemble

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"syscall"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
)

// A changed Corefile is taken in whole, or not at all: it is checked, its chains
// are made and its zones synced while the old one answers; then the sockets that
// both have are switched over, which no query notices.

// closeAfter is for how long the handlers of an old generation are kept: queries
// may be with them still.
const closeAfter = 15 * time.Second

// reloadMetrics are CoreDNS's.
type reloadMetrics struct {
	failed  promclient.Counter
	version *promclient.GaugeVec
}

func newReloadMetrics(r promclient.Registerer, p *Plan) (*reloadMetrics, error) {
	m := &reloadMetrics{
		failed: promclient.NewCounter(promclient.CounterOpts{
			Name: "coredns_reload_failed_total", Help: "Reloads after which the old Corefile goes on being served.",
		}),
		version: promclient.NewGaugeVec(promclient.GaugeOpts{
			Name: "coredns_reload_version_info", Help: "1, labelled with a hash of the Corefile that is served.",
		}, []string{"hash", "value"}),
	}
	m.serves(p)
	return m, errors.Join(r.Register(m.failed), r.Register(m.version))
}

// serves notes which plan is served.
func (m *reloadMetrics) serves(p *Plan) {
	sum := sha512.Sum512([]byte(p.File.String()))
	m.version.Reset()
	m.version.WithLabelValues("sha512", hex.EncodeToString(sum[:])).Set(1)
}

// nextLook returns how long to wait until the Corefile is looked at. Without a
// reload directive that is never.
func (r *run) nextLook() time.Duration {
	blocks := r.current.Load().plan.blocks
	for i := range blocks {
		if c := blocks[i].reload; c != nil && r.Load != nil {
			return c.Next()
		}
	}
	return math.MaxInt64
}

// reload takes in the configuration as it is now, if it changed. Asked says that
// somebody wants it, and wants to hear of it.
func (r *run) reload(ctx, running context.Context, asked bool) {
	old := r.current.Load()
	if r.Load == nil {
		r.Logger.Warn("there is no Corefile to reload")
		return
	}
	plan, err := r.Load()
	if err == nil {
		plan, err = r.withConfigMap(plan)
	}
	if err == nil && plan.File.String() == old.plan.File.String() {
		r.refused = ""
		if asked {
			r.Logger.Info("the configuration is as it was", "corefile", plan.File.Name)
		}
		return
	}
	if err == nil {
		err = r.change(ctx, running, plan, old)
	}
	if ctx.Err() != nil {
		return // the process ends
	}
	if err != nil {
		r.refuse(err, asked)
		return
	}
	r.refused = ""
	if err := r.followConfigMap(running, plan); err != nil {
		r.Logger.Error("the ConfigMap is followed where it was", "err", err)
	}
	r.reloads.serves(plan)
	r.Logger.Info("serving the changed configuration", "corefile", plan.File.Name)
	for _, text := range plan.Warnings() {
		r.Logger.Warn(text)
	}
}

// refuse tells why a changed configuration is not served. It is tried at each look,
// and told of once, unless it was asked for.
func (r *run) refuse(err error, asked bool) {
	if text := err.Error(); asked || text != r.refused {
		r.refused = text
		r.reloads.failed.Inc()
		r.Logger.Error("the changed configuration is not served; the old one goes on", "err", err)
	}
}

// ErrNotSynced is why a changed configuration is not served whose zones were not
// synced in time.
var ErrNotSynced = errors.New("its zones were not synced within startup_timeout")

// change serves a plan in the place of another. With an error, all is as it was.
func (r *run) change(ctx, running context.Context, plan *Plan, old *generation) error {
	g, err := r.newGeneration(plan, old)
	if err != nil {
		return err
	}
	if err := g.keepsSockets(old); err != nil {
		g.close()
		return err
	}
	g.start(running)
	undo := func(err error) error {
		g.stopSources(old)
		g.close()
		return err
	}
	synced, err := g.awaitSync(ctx, old)
	if err != nil {
		return undo(err)
	}
	if ctx.Err() != nil {
		return undo(ctx.Err())
	}
	if !synced && old.synced(nil) {
		return undo(ErrNotSynced)
	}
	opened, err := r.endpoints.open(g)
	if err != nil {
		return undo(err)
	}
	serve, err := r.listen(ctx, g)
	if err != nil {
		closeAll(opened)
		return undo(err)
	}
	for _, l := range g.listeners {
		if s := r.servers[l.addr]; s != nil {
			s.Swap(g.responder(l))
		}
	}
	r.current.Store(g)
	serve()
	r.drop(g, old)
	r.endpoints.serve(running, g, opened)
	r.metrics.Enabled(g.enabled)
	old.stopSources(g)
	r.watchSources(g)
	g.probe(running)
	r.closeLater(running, old)
	return nil
}

// keepsSockets reports what can't change on a socket that stays open.
func (g *generation) keepsSockets(old *generation) error {
	for _, l := range g.listeners {
		for _, was := range old.listeners {
			if l.addr == was.addr && l.scheme != was.scheme {
				return fmt.Errorf("%s can't become %s without a restart", was.label(), l.label())
			}
			if l.addr == was.addr && (l.timeouts.config != was.timeouts.config || l.multisocket.config != was.multisocket.config || l.https != was.https) {
				return fmt.Errorf("timeouts, multisocket and https of %s can't change without a restart", l.addr)
			}
		}
	}
	return nil
}

// drop drains and closes the sockets of other that g does not have.
func (r *run) drop(g, other *generation) {
	for _, l := range other.listeners {
		if g.listens(l.addr) || r.servers[l.addr] == nil {
			continue
		}
		s := r.servers[l.addr]
		delete(r.servers, l.addr)
		closed := make(chan struct{})
		r.draining[l.addr] = closed
		r.start(func() error {
			defer close(closed)
			r.shutdown([]dnsServer{s})
			return nil
		})
	}
}

// drained waits until the sockets that went and are in the way of an address are
// closed, or ctx is done, whose error it returns then.
func (r *run) drained(ctx context.Context, addr string) error {
	for gone, closed := range r.draining {
		if !overlap(gone, addr) {
			continue
		}
		select {
		case <-closed:
			delete(r.draining, gone)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// inTheWay adds to an error of opening an address what else this process has open
// that is in the way: it closes nothing before all is open that comes in its place.
func (r *run) inTheWay(addr string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	open := slices.Sorted(maps.Keys(r.servers))
	for _, o := range r.endpoints.opened {
		open = append(open, o.address)
	}
	for _, other := range open {
		if overlap(other, addr) {
			return fmt.Errorf("%w: this process still has %s, which only a restart frees", err, other)
		}
	}
	return err
}

func (g *generation) listens(addr string) bool {
	for _, l := range g.listeners {
		if l.addr == addr {
			return true
		}
	}
	return false
}

// closeLater ends an old generation's handlers, once no query is with them.
func (r *run) closeLater(running context.Context, old *generation) {
	r.start(func() error {
		defer old.close()
		select {
		case <-time.After(closeAfter):
		case <-running.Done():
		}
		return nil
	})
}

package assemble

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubedns"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// The ConfigMap of kube-dns is an input beside the Corefile: what it says is written
// into the Corefile that is served, and the whole is taken in as a changed Corefile
// is, or not at all. Neither input waits for the other: a changed ConfigMap does not
// have the Corefile read again, and a bad one keeps no changed Corefile out.

// ErrNoAPIServer is returned where a ConfigMap is to be read and there is no telling
// from where.
var ErrNoAPIServer = errors.New("no kubernetes directive reads an API server, where it would be")

// WithConfigMap returns the plan with what a ConfigMap says, in the place of what
// another said before. Errors name the ConfigMap's key.
func (p *Plan) WithConfigMap(c kubedns.Config) (*Plan, error) {
	base := p.base()
	file, err := c.Apply(base)
	if err != nil {
		return nil, err
	}
	plan, err := Load(file)
	if err != nil {
		return nil, err
	}
	plan.corefile, plan.configMap = base, c
	return plan, nil
}

// base returns the Corefile without what a ConfigMap says.
func (p *Plan) base() *corefile.File {
	if p.corefile != nil {
		return p.corefile
	}
	return p.File
}

// ReadConfigMap returns what the ConfigMap with a key says now, from the API server
// that the plan names.
func (p *Plan) ReadConfigMap(ctx context.Context, process Process, key zone.Key) (kubedns.Config, error) {
	process.setDefaults()
	source, err := p.configMapSource(process, nil, key)
	if err != nil {
		return kubedns.Config{}, err
	}
	data, err := source.Read(ctx)
	if err != nil {
		return kubedns.Config{}, err
	}
	c, err := kubedns.Parse(nameOf(key), data)
	if len(c.Unknown) > 0 {
		process.Logger.Warn(unknownKeys, "configmap", nameOf(key), "keys", strings.Join(c.Unknown, ", "))
	}
	return c, err
}

// unknownKeys is what is logged of keys that mean nothing.
const unknownKeys = "keys of the ConfigMap have no effect (those that have: stubDomains, upstreamNameservers)"

func nameOf(key zone.Key) string { return key.Namespace + "/" + key.Name }

// configMapSource makes the source of a ConfigMap.
func (p *Plan) configMapSource(process Process, registerer promclient.Registerer, key zone.Key) (*watch.ConfigMap, error) {
	c, err := p.configMapAPI(key)
	if err != nil {
		return nil, err
	}
	api := apiConfig(c)
	api.Version, api.Logger, api.Registerer, api.Now = process.Version, process.Logger, registerer, process.Now
	return watch.NewConfigMap(api, key)
}

// configMapAPI returns the kubernetes directive that names the API server which has
// the ConfigMap: that of the first block that the ConfigMap is for, or else the
// first that there is.
func (p *Plan) configMapAPI(key zone.Key) (*kubernetes.Config, error) {
	some := false
	var found *kubernetes.Config
	for _, own := range []bool{true, false} {
		for i := range p.blocks {
			b := &p.blocks[i]
			some = some || kubedns.IsFor(b.Block)
			if found == nil && b.kubernetes != nil && len(b.kubernetes.Manifests) == 0 && (!own || kubedns.IsFor(b.Block)) {
				found = b.kubernetes
			}
		}
	}
	var err error
	switch {
	case !some:
		err = kubedns.ErrNoRoot
	case found == nil:
		err = ErrNoAPIServer
	default:
		return found, nil
	}
	return nil, fmt.Errorf("%s: configmap %s: %w", p.File.Name, nameOf(key), err)
}

// configMap is the ConfigMap that a run follows. It belongs to the goroutine that
// serves, but for heard and look.
type configMap struct {
	run     *run
	key     zone.Key
	refused promclient.Counter
	changed chan struct{} // that there is something to look at

	data atomic.Pointer[map[string]string] // as it was last heard of; nil before

	api   apiServer       // which the source reads
	known <-chan struct{} // the source's
	stop  func()          // ends the source; nil before there is one

	again   *time.Timer // of retry; nil before
	told    string      // what was last told to be wrong with it; "" if it is good
	unknown string      // the keys that were last told of
}

// apiServer is one that a kubernetes directive names.
type apiServer struct {
	kubeconfig, context, endpoint string
	tls                           kubernetes.TLSFiles
}

// newConfigMap returns the ConfigMap that the process names, nil for none.
func newConfigMap(r *run) (*configMap, error) {
	if r.ConfigMap == (zone.Key{}) {
		return nil, nil
	}
	m := &configMap{
		run: r, key: r.ConfigMap, changed: make(chan struct{}, 1),
		refused: promclient.NewCounter(promclient.CounterOpts{
			Name: "rollcall_kube_dns_configmap_refused_total", Help: "Times that kube-dns's ConfigMap could not be served as it was.",
		}),
	}
	return m, r.Registry.Register(m.refused)
}

// followConfigMap follows the ConfigMap, if there is one to follow, at the API server
// that a plan names, and stops doing so at another.
func (r *run) followConfigMap(ctx context.Context, p *Plan) error {
	m := r.configMap
	if m == nil {
		return nil
	}
	c, err := p.configMapAPI(m.key)
	if err != nil {
		return err
	}
	if m.stop != nil && m.api == serverOf(c) {
		return nil
	}
	source, err := p.configMapSource(r.Process, r.Registry, m.key)
	if err != nil {
		return err
	}
	if m.stop != nil {
		m.stop()
	}
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	m.api, m.known = serverOf(c), source.Known()
	m.stop = func() {
		cancel()
		<-stopped
	}
	r.start(func() error {
		defer close(stopped)
		source.Run(ctx, m.heard)
		return nil
	})
	return nil
}

func serverOf(c *kubernetes.Config) apiServer {
	return apiServer{c.Kubeconfig, c.Context, c.Endpoint, c.TLS}
}

// heard takes what the ConfigMap has, for the run to look at.
func (m *configMap) heard(data map[string]string) {
	m.data.Store(&data)
	m.look()
}

// look has the run look at the ConfigMap.
func (m *configMap) look() {
	select {
	case m.changed <- struct{}{}:
	default: // it will
	}
}

// retry has the run look again after a while: once, however often it is called until
// then.
func (m *configMap) retry() {
	if m.again == nil {
		m.again = time.AfterFunc(retryAfter, m.look)
	} else {
		m.again.Reset(retryAfter)
	}
}

// awaitConfigMap waits until it is known what the ConfigMap has, or that it is not to
// be known, but for no longer than zones are waited for: it is served from the first
// query on.
func (r *run) awaitConfigMap(ctx context.Context, until time.Time) {
	if r.configMap == nil {
		return
	}
	timeout := time.NewTimer(time.Until(until))
	defer timeout.Stop()
	select {
	case <-r.configMap.known:
	case <-ctx.Done():
	case <-timeout.C:
		r.Logger.Warn("serving before it is known what the ConfigMap says", "configmap", nameOf(r.configMap.key))
	}
}

// configMapChanged returns what tells that there is something to take.
func (r *run) configMapChanged() <-chan struct{} {
	if r.configMap == nil {
		return nil
	}
	return r.configMap.changed
}

// merge returns a plan with what the ConfigMap says now. Why it can't is told, once.
func (m *configMap) merge(p *Plan) (*Plan, error) {
	data := m.data.Load()
	if data == nil {
		return p, nil
	}
	c, err := kubedns.Parse(nameOf(m.key), *data)
	if unknown := strings.Join(c.Unknown, ", "); unknown != m.unknown {
		if m.unknown = unknown; unknown != "" {
			m.run.Logger.Warn(unknownKeys, "configmap", nameOf(m.key), "keys", unknown)
		}
	}
	var plan *Plan
	if err == nil {
		plan, err = p.WithConfigMap(c)
	}
	if err == nil {
		m.told = ""
		return plan, nil
	}
	if text := err.Error(); text != m.told {
		m.told = text
		m.refused.Inc()
		m.run.Logger.Error("the ConfigMap is not served; what it said before stays", "err", err)
	}
	return nil, err
}

// withConfigMap returns the plan of a Corefile with what the ConfigMap says, or, if
// that can't be, with what of it is served now.
func (r *run) withConfigMap(p *Plan) (*Plan, error) {
	m := r.configMap
	if m == nil {
		return p, nil
	}
	if _, err := p.configMapAPI(m.key); err != nil {
		return nil, err
	}
	if plan, err := m.merge(p); err == nil {
		return plan, nil
	}
	return p.WithConfigMap(r.current.Load().plan.configMap)
}

// retryAfter is when it is tried again to serve a ConfigMap that is good, and could
// not be for another reason.
const retryAfter = 10 * time.Second

// takeConfigMap serves what the ConfigMap, if there is one, says now, and reports
// whether that is something else than before. If it can't be, all is as it was.
func (r *run) takeConfigMap(ctx, running context.Context) bool {
	m, old := r.configMap, r.current.Load()
	if m == nil {
		return false
	}
	plan, err := m.merge(old.plan)
	if err != nil || plan.File.String() == old.plan.File.String() {
		return false
	}
	if err := r.change(ctx, running, plan, old); err != nil {
		if ctx.Err() == nil {
			r.refuse(err, false)
			m.retry()
		}
		return false
	}
	r.refused = ""
	r.reloads.serves(plan)
	var domains []string
	for _, s := range plan.configMap.Stubs {
		domains = append(domains, s.Zone)
	}
	r.Logger.Info("serving what the ConfigMap says", "configmap", nameOf(m.key),
		"stub_domains", strings.Join(domains, ", "), "upstream_nameservers", strings.Join(plan.configMap.Upstreams, ", "))
	return true
}

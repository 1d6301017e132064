package forward

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what forward handlers do, under the names that CoreDNS has for it.
// All handlers of a process share one. Nil counts nothing.
type Metrics struct {
	duration      *prometheus.HistogramVec
	checkFailures *prometheus.CounterVec
	hits, misses  *prometheus.CounterVec
	broken        prometheus.Counter
	rejects       prometheus.Counter

	mu    sync.Mutex
	users map[string]int // upstreams that there are, by "to"
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		users: map[string]int{},
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "coredns_proxy_request_duration_seconds",
			Help:    "How long exchanges with upstreams took that were answered.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16),
		}, []string{"proxy_name", "to", "rcode"}),
		checkFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coredns_proxy_healthcheck_failures_total",
			Help: "Health checks of upstreams that failed.",
		}, []string{"proxy_name", "to"}),
		hits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coredns_proxy_conn_cache_hits_total",
			Help: "Exchanges over a connection that was open already.",
		}, []string{"proxy_name", "to", "proto"}),
		misses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coredns_proxy_conn_cache_misses_total",
			Help: "Sockets and connections opened for exchanges.",
		}, []string{"proxy_name", "to", "proto"}),
		broken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coredns_forward_healthcheck_broken_total",
			Help: "How often all upstreams counted as down.",
		}),
		rejects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coredns_forward_max_concurrent_rejects_total",
			Help: "Queries refused as max_concurrent others were waiting.",
		}),
	}
	for _, c := range []prometheus.Collector{m.duration, m.checkFailures, m.hits, m.misses, m.broken, m.rejects} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("metrics of forward: %w", err)
		}
	}
	return m, nil
}

// upstreamMetrics are those of one upstream. What queries count is looked up once,
// when the first does. Nil counts nothing.
type upstreamMetrics struct {
	*Metrics
	to        string
	sockets   func() prometheus.Counter
	durations [16]func() prometheus.Observer // by rcode
}

// of returns the metrics of an upstream, which is to give them back by gone.
func (m *Metrics) of(to string) *upstreamMetrics {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	m.users[to]++
	m.mu.Unlock()
	u := &upstreamMetrics{Metrics: m, to: to}
	u.sockets = sync.OnceValue(func() prometheus.Counter { return m.misses.WithLabelValues(Name, to, "udp") })
	for rcode := range u.durations {
		u.durations[rcode] = sync.OnceValue(func() prometheus.Observer { return u.observer(rcode) })
	}
	return u
}

// gone drops the series of an upstream that was the last of its address: where a
// name stands for pods, addresses come and go for as long as the process lives.
func (u *upstreamMetrics) gone() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.users[u.to]--; u.users[u.to] > 0 {
		return
	}
	delete(u.users, u.to)
	labels := prometheus.Labels{"proxy_name": Name, "to": u.to}
	u.duration.DeletePartialMatch(labels)
	for _, c := range []*prometheus.CounterVec{u.checkFailures, u.hits, u.misses} {
		c.DeletePartialMatch(labels)
	}
}

// observer returns what observes exchanges with an rcode.
func (u *upstreamMetrics) observer(rcode int) prometheus.Observer {
	text, ok := dns.RcodeToString[rcode]
	if !ok {
		text = strconv.Itoa(rcode)
	}
	return u.duration.WithLabelValues(Name, u.to, text)
}

// answered tells of an exchange that ended in a reply.
func (u *upstreamMetrics) answered(rcode int, took time.Duration) {
	switch {
	case u == nil:
	case rcode < len(u.durations):
		u.durations[rcode]().Observe(took.Seconds())
	default:
		u.observer(rcode).Observe(took.Seconds())
	}
}

// checkFailed tells of a health check.
func (u *upstreamMetrics) checkFailed() {
	if u != nil {
		u.checkFailures.WithLabelValues(Name, u.to).Inc()
	}
}

// opened tells of the socket of an exchange by UDP.
func (u *upstreamMetrics) opened() {
	if u != nil {
		u.sockets().Inc()
	}
}

// connected tells of the connection of an exchange by proto: tcp or tcp-tls.
func (u *upstreamMetrics) connected(proto string, reused bool) {
	switch {
	case u == nil:
	case reused:
		u.hits.WithLabelValues(Name, u.to, proto).Inc()
	default:
		u.misses.WithLabelValues(Name, u.to, proto).Inc()
	}
}

// allDown tells that no upstream is left.
func (m *Metrics) allDown() {
	if m != nil {
		m.broken.Inc()
	}
}

// rejected tells of a query that was one too many.
func (m *Metrics) rejected() {
	if m != nil {
		m.rejects.Inc()
	}
}

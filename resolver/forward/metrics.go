package forward

import (
	"fmt"
	"strconv"
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
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
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

// answered tells of an exchange that ended in a reply.
func (m *Metrics) answered(to string, rcode int, took time.Duration) {
	if m == nil {
		return
	}
	text, ok := dns.RcodeToString[rcode]
	if !ok {
		text = strconv.Itoa(rcode)
	}
	m.duration.WithLabelValues(Name, to, text).Observe(took.Seconds())
}

// checkFailed tells of a health check.
func (m *Metrics) checkFailed(to string) {
	if m != nil {
		m.checkFailures.WithLabelValues(Name, to).Inc()
	}
}

// connected tells of the socket or connection of an exchange by proto: udp, tcp
// or tcp-tls.
func (m *Metrics) connected(to, proto string, reused bool) {
	switch {
	case m == nil:
	case reused:
		m.hits.WithLabelValues(Name, to, proto).Inc()
	default:
		m.misses.WithLabelValues(Name, to, proto).Inc()
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

package watch

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// apiMetrics are what a Kubernetes source tells of itself. The names that
// begin with coredns_ are CoreDNS's own, for the dashboards that know them.
type apiMetrics struct {
	synced, connected, lastEvent     *prometheus.GaugeVec   // resource
	events                           *prometheus.CounterVec // resource, op
	relists, errors, stalls          *prometheus.CounterVec // resource
	objectsSkipped, partsSkipped     *prometheus.CounterVec // resource
	requestDuration, limiterDuration *prometheus.HistogramVec
	requests                         *prometheus.CounterVec
	programming                      *prometheus.HistogramVec
}

// newAPIMetrics makes the metrics and registers them with r, which may be nil.
// Sources that share a Registerer share the metrics: counters add up, and of
// gauges the last writer's stands; wrap the Registerer in labels to tell
// sources apart.
func newAPIMetrics(r prometheus.Registerer) (*apiMetrics, error) {
	m := &apiMetrics{
		synced: gauge("rollcall_watch_synced",
			"1 once all objects of the resource were received.", "resource"),
		connected: gauge("rollcall_watch_connected",
			"1 while changes of the resource are heard.", "resource"),
		lastEvent: gauge("rollcall_watch_last_event_timestamp_seconds",
			"When an event or bookmark of the resource last came, in Unix time.", "resource"),
		events: counter("rollcall_watch_events_total",
			"Events received: put, remove, replace (a whole list), bookmark.", "resource", "op"),
		relists: counter("rollcall_watch_relists_total",
			"Lists of all objects of the resource after the first.", "resource"),
		errors: counter("rollcall_watch_errors_total",
			"Failed or broken list and watch requests.", "resource"),
		stalls: counter("rollcall_watch_stalls_total",
			"Watches given up because they were silent for too long.", "resource"),
		objectsSkipped: counter("rollcall_watch_objects_skipped_total",
			"Objects left out because they could not be understood.", "resource"),
		partsSkipped: counter("rollcall_watch_parts_skipped_total",
			"Addresses and ports of objects left out because they could not be understood.", "resource"),
		requestDuration: histogram("coredns_kubernetes_rest_client_request_duration_seconds",
			"Request latency in seconds. Broken down by verb and host.", prometheus.DefBuckets, "verb", "host"),
		limiterDuration: histogram("coredns_kubernetes_rest_client_rate_limiter_duration_seconds",
			"Client side rate limiter latency in seconds. Broken down by verb and host.", prometheus.DefBuckets, "verb", "host"),
		requests: counter("coredns_kubernetes_rest_client_requests_total",
			"Number of HTTP requests, partitioned by status code, method, and host.", "code", "method", "host"),
		programming: histogram("coredns_kubernetes_dns_programming_duration_seconds",
			"Histogram of the time (in seconds) it took to program a dns instance.",
			prometheus.ExponentialBuckets(0.001, 2, 20), "service_kind"),
	}
	return m, errors.Join(
		register(r, &m.synced), register(r, &m.connected), register(r, &m.lastEvent),
		register(r, &m.events), register(r, &m.relists), register(r, &m.errors), register(r, &m.stalls),
		register(r, &m.objectsSkipped), register(r, &m.partsSkipped),
		register(r, &m.requestDuration), register(r, &m.limiterDuration), register(r, &m.requests),
		register(r, &m.programming),
	)
}

// start makes the series of a kind appear at 0, so that an alert on them is
// not silent for want of a series.
func (m *apiMetrics) start(k zone.Kind) {
	name := k.String()
	m.synced.WithLabelValues(name).Set(0)
	m.connected.WithLabelValues(name).Set(0)
	for _, v := range []*prometheus.CounterVec{m.relists, m.errors, m.stalls, m.objectsSkipped, m.partsSkipped} {
		v.WithLabelValues(name)
	}
	if k == zone.EndpointSlices {
		for _, s := range []serviceKind{clusterIP, headlessWithSelector, headlessWithoutSelector} {
			m.programming.WithLabelValues(string(s))
		}
	}
}

// manifestMetrics are what a Manifests source tells of itself.
type manifestMetrics struct {
	reloads, failures prometheus.Counter
	skipped           *prometheus.CounterVec // kind
}

func newManifestMetrics(r prometheus.Registerer) (*manifestMetrics, error) {
	m := &manifestMetrics{
		reloads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rollcall_manifests_reloads_total",
			Help: "Times that manifests were read again, the failed ones included.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rollcall_manifests_reload_failures_total",
			Help: "Changed manifests that were refused whole because something in them is wrong.",
		}),
		skipped: counter("rollcall_manifests_objects_skipped_total",
			"Objects of manifests left out, as their kind has no meaning for DNS or they are Helm hooks that have ended, each time they were read.", "kind"),
	}
	return m, errors.Join(register(r, &m.reloads), register(r, &m.failures), register(r, &m.skipped))
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// register registers *c with r, or makes *c the one that another source has
// registered there under the same name.
func register[C prometheus.Collector](r prometheus.Registerer, c *C) error {
	if r == nil {
		return nil
	}
	err := r.Register(*c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if have, ok := already.ExistingCollector.(C); ok {
			*c = have
			return nil
		}
	}
	return err
}

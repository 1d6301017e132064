package prometheus

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Dropped is the zone label of queries that no server block is for.
const Dropped = "dropped"

// Buckets, as the dashboards of CoreDNS expect them.
var (
	timeBuckets = prometheus.ExponentialBuckets(0.00025, 2, 16) // 0.25 ms to 8 s
	sizeBuckets = []float64{0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3}
)

// Metrics are the metrics of queries of all server blocks of a process.
type Metrics struct {
	requests     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	requestSize  *prometheus.HistogramVec
	dnssecOK     *prometheus.CounterVec
	responseSize *prometheus.HistogramVec
	responses    *prometheus.CounterVec
	enabled      *prometheus.GaugeVec
	panics       prometheus.Counter
	rejected     *prometheus.CounterVec
}

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &Metrics{
		requests: counter("coredns_dns_requests_total",
			"Queries received, by zone, protocol, address family (1 is IPv4, 2 IPv6) and type.",
			"server", "zone", "view", "proto", "family", "type"),
		duration: histogram("coredns_dns_request_duration_seconds",
			"Time from receiving a query to its reply being made.", timeBuckets, "server", "zone", "view"),
		requestSize: histogram("coredns_dns_request_size_bytes",
			"Size of queries.", sizeBuckets, "server", "zone", "view", "proto"),
		dnssecOK: counter("coredns_dns_do_requests_total",
			"Queries with the DO bit set.", "server", "zone", "view"),
		responseSize: histogram("coredns_dns_response_size_bytes",
			"Size of replies.", sizeBuckets, "server", "zone", "view", "proto"),
		responses: counter("coredns_dns_responses_total",
			"Replies sent, by rcode and the handler that made them.", "server", "zone", "view", "rcode", "plugin"),
		enabled: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "coredns_plugin_enabled", Help: "1 for each handler of a server block.",
		}, []string{"server", "zone", "view", "name"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coredns_panics_total", Help: "Panics that were caught; each ended one query, with SERVFAIL.",
		}),
		rejected: counter("rollcall_packets_rejected_total",
			"Packets that were no query to be served, by what was answered (none: nothing).", "proto", "rcode"),
	}
	for _, c := range []prometheus.Collector{
		m.requests, m.duration, m.requestSize, m.dnssecOK, m.responseSize, m.responses, m.enabled, m.panics, m.rejected,
	} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// BuildInfo registers coredns_build_info.
func BuildInfo(r prometheus.Registerer, version, revision string) error {
	return r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "coredns_build_info", Help: "1, labelled with what was built and with which Go.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": runtime.Version()},
	}, func() float64 { return 1 }))
}

// Panicked counts a panic, and the SERVFAIL that it ended in: the handler that
// counts replies was unwound. Server is as for Handler.
func (m *Metrics) Panicked(server string) {
	m.panics.Inc()
	m.responses.WithLabelValues(server, Dropped, "", wire.ServFail.String(), "").Inc()
}

// Rejected counts a packet that no handler saw.
func (m *Metrics) Rejected(q *resolver.Query, o resolver.Outcome) {
	rcode := "none"
	if o == resolver.Rejected {
		rcode = q.Reject.String()
	}
	m.rejected.WithLabelValues(q.Transport.String(), rcode).Inc()
}

// Enabled notes that a server block has a handler.
func (m *Metrics) Enabled(server, apex, handler string) {
	m.enabled.WithLabelValues(server, apex, "", handler).Set(1)
}

// Handler counts the queries that Next serves. Its counters are found once,
// and not by their labels for each query. Make it with Metrics.Handler.
type Handler struct {
	next  resolver.Handler
	zones []*zoneMetrics // by zone of the server block
}

// Handler returns a handler that counts what next serves. Server is the label
// of the listener, as "dns://:53". Queries count by the longest of zones that
// they are in; without zones, as Dropped.
func (m *Metrics) Handler(server string, zones []zone.Name, next resolver.Handler) *Handler {
	h := &Handler{next: next}
	for _, apex := range zones {
		h.zones = append(h.zones, m.zone(server, apex.String(), apex))
	}
	if len(zones) == 0 {
		h.zones = append(h.zones, m.zone(server, Dropped, wire.Root))
	}
	return h
}

// Serve passes q on and counts it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	o := h.next.Serve(q, r)
	var z *zoneMetrics
	for _, candidate := range h.zones {
		if (z == nil || len(candidate.apex) > len(z.apex)) && wire.IsBelow(q.Name(), candidate.apex) {
			z = candidate
		}
	}
	if z != nil {
		z.count(q, r, o)
	}
	return o
}

// zoneMetrics are the metrics of one zone of one listener.
type zoneMetrics struct {
	*Metrics
	apex         zone.Name
	server, zone string

	duration prometheus.Observer
	dnssecOK prometheus.Counter
	byProto  [transports]struct {
		requestSize, responseSize prometheus.Observer
		requests                  [families][len(typeNames)]lazyCounter
	}
	responses atomic.Pointer[map[responseKey]prometheus.Counter]
}

const (
	transports = 2
	families   = 2
)

func (m *Metrics) zone(server, name string, apex zone.Name) *zoneMetrics {
	z := &zoneMetrics{
		Metrics: m, apex: apex, server: server, zone: name,
		duration: m.duration.WithLabelValues(server, name, ""),
		dnssecOK: m.dnssecOK.WithLabelValues(server, name, ""),
	}
	for t := range z.byProto {
		proto := resolver.Transport(t).String()
		z.byProto[t].requestSize = m.requestSize.WithLabelValues(server, name, "", proto)
		z.byProto[t].responseSize = m.responseSize.WithLabelValues(server, name, "", proto)
	}
	return z
}

func (z *zoneMetrics) count(q *resolver.Query, r *resolver.Reply, o resolver.Outcome) {
	family := 0
	if q.Client.Addr().Is6() {
		family = 1
	}
	p := &z.byProto[q.Transport]
	typ := typeIndex(q.Type)
	c := p.requests[family][typ].get()
	if c == nil { // Slow path: the first of its kind
		c = z.requests.WithLabelValues(z.server, z.zone, "", q.Transport.String(), [families]string{"1", "2"}[family], typeNames[typ])
		p.requests[family][typ].set(c)
	}
	c.Inc()
	if q.DO {
		z.dnssecOK.Inc()
	}
	p.requestSize.Observe(float64(q.Size()))
	if o == resolver.Dropped {
		return
	}
	p.responseSize.Observe(float64(r.Size()))
	z.duration.Observe(time.Since(q.Received).Seconds())
	z.response(responseKey{o.Rcode(), r.Handler}).Inc()
}

// responseKey is what replies are told apart by.
type responseKey struct {
	rcode   wire.Rcode
	handler string
}

// response returns the counter of replies of a key.
func (z *zoneMetrics) response(key responseKey) prometheus.Counter {
	// Fast path
	old := z.responses.Load()
	if old != nil {
		if c, ok := (*old)[key]; ok {
			return c
		}
	}
	// Slow path: a next map, as readers take no lock. Of two at once, one is
	// made again.
	c := z.Metrics.responses.WithLabelValues(z.server, z.zone, "", key.rcode.String(), key.handler)
	next := map[responseKey]prometheus.Counter{key: c}
	if old != nil {
		for k, v := range *old {
			next[k] = v
		}
	}
	z.responses.Store(&next)
	return c
}

// lazyCounter is a counter that appears when it first counts.
type lazyCounter struct {
	p atomic.Pointer[prometheus.Counter]
}

func (l *lazyCounter) get() prometheus.Counter {
	if p := l.p.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *lazyCounter) set(c prometheus.Counter) { l.p.Store(&c) }

// typeNames are the values of the label "type": others count as the last.
var typeNames = [...]string{
	"A", "AAAA", "PTR", "SRV", "TXT", "NS", "SOA", "CNAME", "MX", "HTTPS", "SVCB", "DS", "DNSKEY", "NSEC", "NSEC3",
	"RRSIG", "ANY", "AXFR", "IXFR", "other",
}

// typeIndex returns the index of a question's type in typeNames.
func typeIndex(t uint16) int {
	switch t {
	case dns.TypeA:
		return 0
	case dns.TypeAAAA:
		return 1
	case dns.TypePTR:
		return 2
	case dns.TypeSRV:
		return 3
	}
	name := dns.TypeToString[t]
	for i := range len(typeNames) - 1 {
		if typeNames[i] == name {
			return i
		}
	}
	return len(typeNames) - 1
}

package prometheus

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Dropped is the zone label of queries that no server block is for.
const Dropped = "dropped"

// Metrics are the metrics of queries of all server blocks of a process. It is a
// prometheus.Collector: counting is cheap, and gathering adds up.
type Metrics struct {
	requests, dnssecOK                  *prometheus.Desc
	requestSize, responseSize, duration *prometheus.Desc
	responses, truncated                *prometheus.Desc

	enabled  atomic.Pointer[prometheus.GaugeVec]
	panics   prometheus.Counter
	rejected *prometheus.CounterVec
	limited  *prometheus.CounterVec

	mu    sync.Mutex
	zones []*zoneMetrics // of all Handlers; guarded by mu
}

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("coredns_dns_"+name, help, append([]string{"server", "zone", "view"}, labels...), nil)
	}
	m := &Metrics{
		requests: desc("requests_total",
			"Queries received, by zone, protocol, address family (1 is IPv4, 2 IPv6) and type.", "proto", "family", "type"),
		duration:     desc("request_duration_seconds", "Time from receiving a query to its reply being made."),
		requestSize:  desc("request_size_bytes", "Size of queries.", "proto"),
		dnssecOK:     desc("do_requests_total", "Queries with the DO bit set."),
		responseSize: desc("response_size_bytes", "Size of replies.", "proto"),
		responses:    desc("responses_total", "Replies sent, by rcode and the handler that made them.", "rcode", "plugin"),
		truncated: prometheus.NewDesc("rollcall_replies_truncated_total",
			"Replies with TC, which lack records: by UDP the client asks again, by TCP 64 KiB were not enough.",
			[]string{"server", "zone", "view", "proto"}, nil),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coredns_panics_total", Help: "Panics that were caught; each ended one query, with SERVFAIL.",
		}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_packets_rejected_total",
			Help: "Packets that were no query to be served, by what was answered (none: nothing).",
		}, []string{"proto", "rcode"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_limited_total",
			Help: "Connections closed and queries dropped as there were too many, by the limit that was met.",
		}, []string{"limit"}),
	}
	m.Enabled(nil)
	for _, c := range []prometheus.Collector{m, m.panics, m.rejected, m.limited} {
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
	m.zone(zoneMetrics{apex: wire.Root, server: server, zone: Dropped}).shards[0].response(wire.ServFail, "").Add(1)
}

// Rejected counts a packet that no handler saw.
func (m *Metrics) Rejected(q *resolver.Query, o resolver.Outcome) {
	rcode := "none"
	if o == resolver.Rejected {
		rcode = q.Reject.String()
	}
	m.rejected.WithLabelValues(q.Transport.String(), rcode).Inc()
}

// Limited counts a connection or a query that a limit of that name cost.
func (m *Metrics) Limited(limit string) { m.limited.WithLabelValues(limit).Inc() }

// Enabled is a handler that a server block has, for a zone of a listener. Server and
// View are as for Handler.
type Enabled struct{ Server, View, Zone, Handler string }

// Enabled notes which handlers server blocks have. What was noted before is
// forgotten.
func (m *Metrics) Enabled(all []Enabled) {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "coredns_plugin_enabled", Help: "1 for each handler of a server block.",
	}, []string{"server", "zone", "view", "name"})
	for _, e := range all {
		v.WithLabelValues(e.Server, e.Zone, e.View, e.Handler).Set(1)
	}
	m.enabled.Store(v)
}

// Handler counts the queries that Next serves. Make it with Metrics.Handler.
type Handler struct {
	next  resolver.Handler
	zones []*zoneMetrics // of the server block's zones, the longest first
}

// Handler returns a handler that counts what next serves. Server is the label
// of the listener, as "dns://:53", and view the name of the server block's view,
// empty for none. Queries count by the longest of zones that they are in; without
// zones, as Dropped.
func (m *Metrics) Handler(server, view string, zones []zone.Name, next resolver.Handler) *Handler {
	h := &Handler{next: next}
	for _, apex := range zones {
		h.zones = append(h.zones, m.zone(zoneMetrics{apex: apex, server: server, zone: apex.String(), view: view}))
	}
	if len(zones) == 0 {
		h.zones = append(h.zones, m.zone(zoneMetrics{apex: wire.Root, server: server, zone: Dropped, view: view}))
	}
	slices.SortStableFunc(h.zones, func(a, b *zoneMetrics) int { return len(b.apex) - len(a.apex) })
	return h
}

// Serve passes q on and counts it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	o := h.next.Serve(q, r)
	if o == resolver.Later || q.Depth > 0 {
		return o
	}
	for _, z := range h.zones {
		if wire.IsBelow(q.Name(), z.apex) {
			z.shards[int(q.Shard)%len(z.shards)].count(q, r, o)
			break
		}
	}
	return o
}

// zoneMetrics are the metrics of one zone of one listener, in one view.
type zoneMetrics struct {
	apex               zone.Name
	server, zone, view string
	shards             []*shard
}

// zone returns the metrics of a zone of a listener, which Handlers share. They are
// made of like, which has no shards, if there are none yet.
func (m *Metrics) zone(like zoneMetrics) *zoneMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, z := range m.zones {
		if z.server == like.server && z.zone == like.zone && z.view == like.view {
			return z
		}
	}
	z := &like
	for range runtime.GOMAXPROCS(0) {
		z.shards = append(z.shards, new(shard))
	}
	m.zones = append(m.zones, z)
	return z
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.requests, m.dnssecOK, m.requestSize, m.responseSize, m.duration, m.responses, m.truncated} {
		to <- d
	}
	m.enabled.Load().Describe(to)
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	zones := m.zones
	m.mu.Unlock()
	for _, z := range zones {
		m.collect(z, to)
	}
	m.enabled.Load().Collect(to)
}

// collect gives the metrics of one zone. Of counters with labels of their own it
// gives those that have counted.
func (m *Metrics) collect(z *zoneMetrics, to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		if n > 0 {
			to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{z.server, z.zone, z.view}, labels...)...)
		}
	}
	var dnssecOK uint64
	var duration total[times]
	replies := [rcodes]map[string]uint64{} // by rcode and handler
	for _, s := range z.shards {
		dnssecOK += s.dnssecOK.Load()
		duration.add(&s.duration)
		for rcode := range replies {
			for c := s.responses[rcode].Load(); c != nil; c = c.next {
				if replies[rcode] == nil {
					replies[rcode] = map[string]uint64{}
				}
				replies[rcode][c.handler] += c.count.Load()
			}
		}
	}
	to <- prometheus.MustNewConstMetric(m.dnssecOK, prometheus.CounterValue, float64(dnssecOK), z.server, z.zone, z.view)
	for rcode, byHandler := range replies {
		for handler, n := range byHandler {
			counter(m.responses, n, wire.Rcode(rcode).String(), handler)
		}
	}
	collectHistogram(to, m.duration, duration, z.server, z.zone, z.view)
	for t := range transports {
		proto := resolver.Transport(t).String()
		var received, sent total[sizes]
		var truncated uint64
		for _, s := range z.shards {
			truncated += s.truncated[t].Load()
			received.add(&s.requestSize[t])
			sent.add(&s.responseSize[t])
		}
		to <- prometheus.MustNewConstMetric(m.truncated, prometheus.CounterValue, float64(truncated), z.server, z.zone, z.view, proto)
		collectHistogram(to, m.requestSize, received, z.server, z.zone, z.view, proto)
		collectHistogram(to, m.responseSize, sent, z.server, z.zone, z.view, proto)
		for f := range families {
			for i, typ := range typeNames {
				var n uint64
				for _, s := range z.shards {
					n += s.requests[t][f][i].Load()
				}
				counter(m.requests, n, proto, [families]string{"1", "2"}[f], typ)
			}
		}
	}
}

func collectHistogram[B bounds](to chan<- prometheus.Metric, d *prometheus.Desc, t total[B], labels ...string) {
	to <- prometheus.MustNewConstHistogram(d, t.count, t.sum, t.buckets, labels...)
}

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

package acl

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of all handlers of a process, by CoreDNS's names. A nil
// one counts nothing.
type Metrics struct {
	allowed *prometheus.CounterVec
	others  [Drop + 1]*prometheus.CounterVec // but for Allow
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	counter := func(verb string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "coredns_acl_" + verb + "_requests_total",
			Help: "Queries that access control " + verb + ".",
		}, labels)
	}
	m := &Metrics{allowed: counter("allowed", "server", "view")}
	m.others[Block] = counter("blocked", "server", "zone", "view")
	m.others[Filter] = counter("filtered", "server", "zone", "view")
	m.others[Drop] = counter("dropped", "server", "zone", "view")
	for _, c := range []*prometheus.CounterVec{m.allowed, m.others[Block], m.others[Filter], m.others[Drop]} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("acl: %w", err)
		}
	}
	return m, nil
}

// counters are the counters of one zone of a rule, by Verb; that of Allow is not
// used.
type counters [Drop + 1]prometheus.Counter

// of returns a zone's counters, nil ones if m is nil.
func (m *Metrics) of(server, zone, view string) (c counters) {
	if m == nil {
		return c
	}
	for verb := Block; verb <= Drop; verb++ {
		c[verb] = m.others[verb].WithLabelValues(server, zone, view)
	}
	return c
}

// allow returns the counter of what is passed on.
func (m *Metrics) allow(server, view string) prometheus.Counter {
	if m == nil {
		return nil
	}
	return m.allowed.WithLabelValues(server, view)
}

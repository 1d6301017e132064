package dns64

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of all handlers of a process, by CoreDNS's names. A nil
// one counts nothing.
type Metrics struct {
	translated *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "coredns_dns64_requests_translated_total",
		Help: "Queries answered with AAAA records made of A records.",
	}, []string{"server"})}
	if err := reg.Register(m.translated); err != nil {
		return nil, fmt.Errorf("dns64: %w", err)
	}
	return m, nil
}

// of returns the counter of a server block, nil if m is.
func (m *Metrics) of(server string) prometheus.Counter {
	if m == nil {
		return nil
	}
	return m.translated.WithLabelValues(server)
}

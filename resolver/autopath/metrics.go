package autopath

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of all handlers of a process, by CoreDNS's names. A nil
// one counts nothing.
type Metrics struct {
	succeeded *prometheus.CounterVec
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "coredns_autopath_success_total",
		Help: "Queries answered with a name further on the search path.",
	}, []string{"server"})}
	if err := reg.Register(m.succeeded); err != nil {
		return nil, fmt.Errorf("autopath: %w", err)
	}
	return m, nil
}

// of returns the counter of a server block, nil if m is.
func (m *Metrics) of(server string) prometheus.Counter {
	if m == nil {
		return nil
	}
	return m.succeeded.WithLabelValues(server)
}

package loop

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of all handlers of a process. A nil one counts nothing.
type Metrics struct{ detected *prometheus.GaugeVec }

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rollcall_loop_detected",
		Help: "Server blocks of the zone whose forwarding leads back to them, at this moment.",
	}, []string{"zone"})}
	if err := reg.Register(m.detected); err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	return m, nil
}

// add counts handlers of a zone that are in a loop. They are summed up, as those
// of an old configuration and of its successor overlap.
func (m *Metrics) add(zone string, n float64) {
	if m != nil {
		m.detected.WithLabelValues(zone).Add(n)
	}
}

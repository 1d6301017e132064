package hosts

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of all handlers of a process, by CoreDNS's names. A nil
// one counts nothing.
type Metrics struct {
	entries  *prometheus.GaugeVec
	reloaded prometheus.Gauge
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		entries: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "coredns_hosts_entries",
			Help: "Addresses of names and names of addresses, from the file and the Corefile.",
		}, []string{"hostsfile"}),
		reloaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "coredns_hosts_reload_timestamp_seconds",
			Help: "When the file that was read last was changed.",
		}),
	}
	for _, c := range []prometheus.Collector{m.entries, m.reloaded} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("hosts: %w", err)
		}
	}
	return m, nil
}

// table tells of a table that has come into use.
func (m *Metrics) table(file string, entries int) {
	if m != nil {
		m.entries.WithLabelValues(file).Set(float64(entries))
	}
}

// reload tells of a file that was read, and when it was changed.
func (m *Metrics) reload(changed time.Time) {
	if m != nil {
		m.reloaded.Set(seconds(changed))
	}
}

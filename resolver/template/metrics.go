package template

import "github.com/prometheus/client_golang/prometheus"

// Metrics count what templates do, for all handlers of a process. A nil *Metrics
// counts nothing.
type Metrics struct {
	matches, templates, records *prometheus.CounterVec
}

// NewMetrics registers the metrics with r.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	labels := []string{"server", "zone", "view", "class", "type"}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "coredns_template_" + name, Help: help},
			append(labels[:len(labels):len(labels)], more...))
	}
	m := &Metrics{
		matches:   counter("matches_total", "Queries that a template was for."),
		templates: counter("template_failures_total", "Templates that could not be executed.", "section", "template"),
		records:   counter("rr_failures_total", "Texts that templates made and that are no records.", "section", "template"),
	}
	for _, c := range []prometheus.Collector{m.matches, m.templates, m.records} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (deps *Deps) matched(d *Data) {
	if m := deps.Metrics; m != nil {
		m.matches.WithLabelValues(deps.Server, d.Zone, deps.View, d.Class, d.Type).Inc()
	}
}

// failed counts a record that there is none of; written says that the template
// made a text.
func (deps *Deps) failed(d *Data, section, template string, written bool) {
	m := deps.Metrics
	if m == nil {
		return
	}
	c := m.templates
	if written {
		c = m.records
	}
	c.WithLabelValues(deps.Server, d.Zone, deps.View, d.Class, d.Type, section, template).Inc()
}

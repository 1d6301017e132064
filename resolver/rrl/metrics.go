package rrl

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// action is what became of a reply over the limit.
type action uint8

const (
	dropped  action = iota
	slipped         // sent, truncated or an error
	reported        // sent, as the directive only reports
	actions         // how many there are
)

// String returns the action as metrics spell it.
func (a action) String() string { return [actions]string{"dropped", "slipped", "reported"}[a] }

// Metrics are the metrics of all handlers of a process. A nil one counts nothing.
type Metrics struct {
	responses [Classes][actions]prometheus.Counter
	requests  [actions]prometheus.Counter // none slips
	evicted   prometheus.Counter
}

// NewMetrics registers the metrics. Their labels tell nothing of clients, as those
// choose what they are.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	responses := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_rrl_responses_exceeded_total",
		Help: "Replies over the limit of their class, and what became of them.",
	}, []string{"class", "action"})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rollcall_rrl_requests_exceeded_total",
		Help: "Queries over the limit of their clients, and what became of them.",
	}, []string{"action"})
	m := &Metrics{evicted: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "rollcall_rrl_accounts_evicted_total",
		Help: "Accounts that were forgotten before their time, as the table was full.",
	})}
	for _, c := range []prometheus.Collector{responses, requests, m.evicted} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("metrics of %s: %w", Name, err)
		}
	}
	for a := range actions {
		for class := range Classes {
			m.responses[class][a] = responses.WithLabelValues(class.String(), a.String())
		}
	}
	for _, a := range []action{dropped, reported} {
		m.requests[a] = requests.WithLabelValues(a.String())
	}
	return m, nil
}

func (m *Metrics) response(c Class, a action) {
	if m != nil {
		m.responses[c][a].Inc()
	}
}

func (m *Metrics) request(a action) {
	if m != nil {
		m.requests[a].Inc()
	}
}

func (m *Metrics) evict() {
	if m != nil {
		m.evicted.Inc()
	}
}

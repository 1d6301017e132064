package local

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Config is a local directive. The zero value is one without options.
type Config struct {
	// NoPrefix leaves localhost.<any name> to the next handler.
	NoPrefix bool

	Metrics *Metrics // nil counts nothing
}

// Parse reads a local directive:
//
//	local {
//	    localhost_prefix on|off
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	var c Config
	return c, d.Options(corefile.Options{
		"localhost_prefix": {Parse: func(o corefile.Directive) error {
			value, err := o.Enum("on", "off")
			c.NoPrefix = value == "off"
			return err
		}},
	})
}

// Metrics are the metrics of all handlers of a process, by CoreDNS's names. A nil
// one counts nothing.
type Metrics struct{ localhost prometheus.Counter }

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{prometheus.NewCounter(prometheus.CounterOpts{
		Name: "coredns_local_localhost_requests_total",
		Help: "Queries for localhost.<any name> and names below localhost.",
	})}
	if err := reg.Register(m.localhost); err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	return m, nil
}

// count counts a query.
func (m *Metrics) count() {
	if m != nil {
		m.localhost.Inc()
	}
}

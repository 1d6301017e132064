package prometheus

import "github.com/rollcall-dns/rollcall/resolver/corefile"

// DefaultAddress is where metrics are served unless told otherwise: for the
// machine itself, as in CoreDNS.
const DefaultAddress = "localhost:9153"

// Config is a prometheus directive.
type Config struct {
	// Address is host:port to serve /metrics on, empty for DefaultAddress.
	Address string
	// RuntimeMetrics adds all of the Go runtime's metrics to the usual few.
	// It holds for the whole process, in whichever block it stands.
	RuntimeMetrics bool
}

// Parse reads a prometheus directive:
//
//	prometheus [ADDRESS] {
//	    runtime_metrics
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	addr, err := d.Address(DefaultAddress)
	if err != nil {
		return Config{}, err
	}
	c := Config{Address: addr}
	err = d.Options(corefile.Options{
		"runtime_metrics": {Parse: func(o corefile.Directive) error {
			c.RuntimeMetrics = true
			return o.NoArgs()
		}},
		"tls": {Parse: func(o corefile.Directive) error {
			return o.Errorf("is not supported: metrics are served over plain HTTP")
		}},
	})
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

package health

import (
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// DefaultAddress is where the endpoint listens unless told otherwise.
const DefaultAddress = ":8080"

// Config says where to listen. The zero value listens on DefaultAddress,
// without lameduck, log and metrics.
type Config struct {
	// Address is host:port, empty for DefaultAddress. Port 0 lets the system
	// choose. It is not used with a Listener.
	Address string
	// Lameduck is how long the process goes on answering, DNS and /health,
	// after it was told to end.
	Lameduck time.Duration

	Listener   net.Listener          // owned by the Server from New on
	Logger     *slog.Logger          // nil logs nothing
	Registerer prometheus.Registerer // for the self-check's metrics; nil for none
	Now        func() time.Time      // nil is time.Now
	// Interval is the time between self-checks, 0 for a second.
	Interval time.Duration
}

// Parse reads a health directive:
//
//	health [ADDRESS] {
//	    lameduck DURATION
//	}
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	addr, err := d.Address(DefaultAddress)
	if err != nil {
		return c, err
	}
	c.Address = addr
	return c, d.Options(corefile.Options{
		"lameduck": {Parse: func(o corefile.Directive) (err error) {
			c.Lameduck, err = o.Duration()
			return err
		}},
	})
}

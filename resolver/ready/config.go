package ready

import (
	"log/slog"
	"net"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// ProbeHold is a Hold for the probes of the kubelet: it gives them up after a second
// unless told otherwise, and comes again after ten.
const ProbeHold = 800 * time.Millisecond

// DefaultAddress is where the endpoint listens unless told otherwise.
const DefaultAddress = ":8181"

// Check is something that must be ready.
type Check struct {
	// Name is said while it is not, such as "kubernetes". Checks of several
	// server blocks may share one.
	Name string
	// Ready is called for each request, from several goroutines, and must
	// not block.
	Ready func() bool
}

// Config says where to listen and what to ask. The zero value listens on
// DefaultAddress and is ready.
type Config struct {
	// Address is host:port, empty for DefaultAddress. Port 0 lets the system
	// choose. It is not used with a Listener.
	Address string
	// Hold is for how long a request may wait while the server has never been ready,
	// if that changes the answer. 0 is not at all.
	Hold time.Duration
	// Continuously asks each check for each request. By default a check that
	// was ready once counts as ready from then on.
	Continuously bool

	Checks   []Check
	Listener net.Listener // owned by the Server from New on
	Logger   *slog.Logger // nil logs nothing
}

// Parse reads a ready directive:
//
//	ready [ADDRESS] {
//	    monitor until-ready|continuously
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
		"monitor": {Parse: func(o corefile.Directive) error {
			mode, err := o.Enum("until-ready", "continuously")
			c.Continuously = mode == "continuously"
			return err
		}},
	})
}

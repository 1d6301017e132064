package pprof

import (
	"log/slog"
	"math"
	"net"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the directive's name.
const Name = "pprof"

// DefaultAddress is where the endpoint listens unless told otherwise.
const DefaultAddress = "localhost:6053"

// Config says where to listen. The zero value listens on DefaultAddress.
type Config struct {
	// Address is host:port, empty for DefaultAddress. Port 0 lets the system
	// choose. It is not used with a Listener.
	Address string
	// BlockRate is the rate of the block profile as runtime.SetBlockProfileRate
	// has it: one blocking event per so many nanoseconds blocked; 0 for no such
	// profile.
	BlockRate int

	Listener net.Listener // owned by the Server from New on
	Logger   *slog.Logger // nil logs nothing
}

// Parse reads a pprof directive:
//
//	pprof [ADDRESS] {
//	    block [RATE]
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
		"block": {Parse: func(o corefile.Directive) (err error) {
			if c.BlockRate = 1; len(o.Args) > 0 {
				c.BlockRate, err = o.Int(1, math.MaxInt32)
			}
			return err
		}},
	})
	if err != nil {
		return Config{}, err
	}
	return c, nil
}

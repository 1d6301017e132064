package whoami

import (
	"encoding/binary"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "whoami"

// Config is a whoami directive, which has nothing to choose.
type Config struct{}

// Parse reads a whoami directive:
//
//	whoami
//
// Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	if err := d.NoArgs(); err != nil {
		return Config{}, err
	}
	return Config{}, d.NoBody()
}

// Handler answers every query. It is the end of its chain.
type Handler struct{}

// Serve answers q. The TTLs are 0. A name that leaves no room for another label
// has no SRV record.
func (Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	r.Handler, r.Authoritative = Name, true
	addr, typ := q.Client.Addr().Unmap(), wire.TypeA
	if addr.Is6() {
		typ = wire.TypeAAAA
	}
	r.Record(wire.Additional, wire.RR{Owner: wire.Question, Type: typ, Data: addr.AsSlice()})
	if owner, ok := zone.Name(q.Name()).Child("_" + q.Transport.String()); ok {
		// Priority and weight 0, the port, and the root as target.
		data := binary.BigEndian.AppendUint16(make([]byte, 4, 7), q.Client.Port())
		r.Record(wire.Additional, wire.RR{Name: owner, Type: wire.TypeSRV, Data: append(data, 0)})
	}
	return resolver.NoData
}

package kubernetes

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver"
)

// errFollow is why a query is SERVFAIL whose name is an alias of one that could
// not be looked up.
var errFollow = errors.New("the name that the ExternalName Service leads to could not be looked up")

// follow adds to an answer that ends in a CNAME what that leads to (RFC 1034
// section 4.3.2, step 3a). The rcode is that of the last name (RFC 6604 section 3);
// one that nobody here answers for is left to the client.
//
// Slow path.
func follow(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	whole, err := r.Msg()
	if err != nil {
		return unfollowed(r, "", err)
	}
	target := whole.Answer[len(whole.Answer)-1].(*dns.CNAME).Target
	rest, o, err := resolver.Ask(q.Head, q, resolver.Question{Name: target, Type: q.Type})
	switch {
	case err != nil:
		return unfollowed(r, target, err)
	case o == resolver.Later, o == resolver.Dropped:
		r.Clear()
		return o
	case o == resolver.Refused:
		return resolver.Answered
	case o == resolver.ServFail, o == resolver.Coded:
		failed := unfollowed(r, target, errFollow)
		if e := resolver.ExtendedError(rest); e != nil {
			r.SetEDE(e.Code, e.Text)
		}
		return failed
	}
	whole.Answer = append(whole.Answer, rest.Answer...)
	if o != resolver.Answered {
		whole.Ns = rest.Ns // the SOA record of the denial
	}
	if opt := rest.IsEdns0(); opt != nil {
		whole.Extra = append(whole.Extra, opt) // the Extended DNS Error
	}
	whole.Rcode, whole.Truncated = rest.Rcode, rest.Truncated
	if err := r.SetMsg(whole); err != nil {
		return unfollowed(r, target, err)
	}
	r.Handler, r.Authoritative, r.Recursive = Name, true, true
	return o
}

func unfollowed(r *resolver.Reply, target string, err error) resolver.Outcome {
	r.Clear()
	r.Authoritative = false
	r.Err = fmt.Errorf("kubernetes: following to %s: %w", target, err)
	return resolver.ServFail
}

package rewrite

import (
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "rewrite"

// Handler applies the rules of a server block. Make it with New.
type Handler struct {
	configs   []Config
	next      resolver.Handler
	questions sync.Pool // of *question
}

// New returns a handler that applies the rules of configs, in their order, before
// next.
func New(configs []Config, next resolver.Handler) *Handler {
	return &Handler{configs: configs, next: next}
}

// question is what is asked, as the rules have it so far.
type question struct {
	query        *resolver.Query // the client's
	name         []byte          // text
	typ, class   uint16
	options      []byte // EDNS options in wire form; nil for the query's own
	renamed      bool   // name, type or class are not the client's
	revisers     []reviser
	outcome      resolver.Outcome // of the reply
	err          error            // why there can be none
	nameStorage  [4 * wire.MaxName]byte
	aliasStorage [wire.MaxName]byte // see leads
}

// rule changes questions.
type rule interface {
	// apply changes x, and reports whether the rule was for it. Where it was not, it
	// allocates nothing.
	apply(x *question) bool
}

// reviser changes replies.
type reviser interface {
	// revise changes m, which was asked for by x, and x.outcome where that has
	// another meaning then. With Later and Dropped there is no reply after all, and
	// an error is why there is none.
	revise(x *question, m *dns.Msg) error
}

// Serve has next serve q as the rules change it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	x, ok := h.questions.Get().(*question)
	if !ok {
		x = new(question)
	}
	x.query, x.typ, x.class = q, q.Type, q.Class
	x.name = appendText(x.nameStorage[:0], q.Name())
	for i := range h.configs {
		if h.configs[i].rule.apply(x) && (!h.configs[i].Continue || x.err != nil) {
			break
		}
	}
	o := resolver.ServFail
	switch {
	case x.err != nil:
		r.Handler, r.Err = Name, x.err
	case x.renamed || x.options != nil || !x.maybe():
		o = h.ask(x, r)
	case len(x.revisers) == 0:
		// Fast path
		x.query = nil
		h.questions.Put(x)
		return h.next.Serve(q, r)
	default:
		// Fast path, of most replies
		if o = h.next.Serve(q, r); x.leads(r, o) {
			o = h.lead(x, r, o)
		}
	}
	clear(x.revisers)
	*x = question{revisers: x.revisers[:0]}
	h.questions.Put(x)
	return o
}

// maybe reports whether no rule is for x but those of CNAME records, if any: the
// reply tells whether they are.
func (x *question) maybe() bool {
	for _, v := range x.revisers {
		if _, ok := v.(*cnameRule); !ok {
			return false
		}
	}
	return true
}

// leads reports whether r, whose outcome is o, has a CNAME record that a rule is
// for.
func (x *question) leads(r *resolver.Reply, o resolver.Outcome) bool {
	if o == resolver.Later || o == resolver.Dropped {
		return false
	}
	var target []byte
	for rest := r.AppendAliases(x.aliasStorage[:0]); len(rest) > 0; {
		target, rest = wire.CutName(rest)
		x.name = appendText(x.nameStorage[:0], target)
		for _, v := range x.revisers {
			if v.(*cnameRule).match(x.name) {
				return true
			}
		}
	}
	return false
}

// lead has the rules lead a CNAME record of r, whose outcome is o, elsewhere.
//
// Slow path.
func (h *Handler) lead(x *question, r *resolver.Reply, o resolver.Outcome) resolver.Outcome {
	m, err := r.Msg()
	if err != nil {
		return fail(r, fmt.Errorf("rewrite: %w", err))
	}
	x.outcome = o
	return x.revise(r, m)
}

// ask has next serve x, and makes a reply to the client's question of the reply.
//
// Slow path.
func (h *Handler) ask(x *question, r *resolver.Reply) resolver.Outcome {
	own := dns.Question{
		Name: string(appendText(nil, x.query.RawName())), Qtype: x.query.Type, Qclass: x.query.Class,
	}
	ask := resolver.Question{Name: own.Name, Type: x.typ, Class: x.class, Options: x.options}
	if x.renamed {
		ask.Name = string(x.name)
	}
	handler := ""
	var why wire.ExtendedError // of a failure, of which there is no message
	known := false
	next := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		o := h.next.Serve(q, r)
		handler = r.Handler
		why, known = r.EDE()
		return o
	})
	m, o, failed := resolver.Ask(next, x.query, ask)
	if m == nil && o != resolver.ServFail {
		return o
	}
	if m == nil {
		m = new(dns.Msg)
		m.Rcode = dns.RcodeServerFailure
	}
	m.Question = []dns.Question{own}
	m.AuthenticatedData = m.AuthenticatedData && !x.renamed
	r.Handler, r.Recursive = handler, m.RecursionAvailable
	x.outcome = o
	o = x.revise(r, m)
	if o == resolver.ServFail && r.Err == nil {
		r.Err = failed
		if known && failed != nil {
			r.SetEDE(why.Code, why.Text)
		}
	}
	return o
}

// revise has the revisers change m, and makes it the reply to the client's question.
func (x *question) revise(r *resolver.Reply, m *dns.Msg) resolver.Outcome {
	for i := len(x.revisers) - 1; i >= 0; i-- {
		if err := x.revisers[i].revise(x, m); err != nil {
			return fail(r, err)
		}
		if x.outcome == resolver.Later || x.outcome == resolver.Dropped {
			r.Clear()
			return x.outcome
		}
	}
	respell(m.Answer, m.Question[0].Name)
	if err := r.SetMsg(m); err != nil {
		return fail(r, fmt.Errorf("rewrite: turning back an answer: %w", err))
	}
	return x.outcome
}

func fail(r *resolver.Reply, err error) resolver.Outcome {
	r.Clear()
	r.Handler, r.Err = Name, err
	return resolver.ServFail
}

// respell gives records of the question's name that name in the client's letters,
// so that they are pointers to it.
func respell(records []dns.RR, name string) {
	for _, rr := range records {
		if h := rr.Header(); strings.EqualFold(h.Name, name) {
			h.Name = name
		}
	}
}

// outcomeOf returns what a reply means whose rcode was set by a rule.
func outcomeOf(m *dns.Msg) resolver.Outcome {
	switch {
	case m.Rcode == dns.RcodeNameError:
		return resolver.NameError
	case m.Rcode == dns.RcodeServerFailure:
		return resolver.ServFail
	case m.Rcode == dns.RcodeRefused:
		return resolver.Refused
	case m.Rcode != dns.RcodeSuccess:
		return resolver.Coded
	case len(m.Answer) == 0:
		return resolver.NoData
	}
	return resolver.Answered
}

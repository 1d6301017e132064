package template

import (
	"fmt"
	"regexp"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Name is the handler's name in metrics and the Corefile.
const Name = "template"

// Handler answers queries that a template of its server block is for. Make it
// with New.
type Handler struct {
	templates []Config
	deps      Deps
	next      resolver.Handler
}

// Deps are what a Handler works with. The zero value works.
type Deps struct {
	Metrics *Metrics
	// Server labels the metrics, as "dns://:53", and View, the name of the server
	// block's view.
	Server, View string
}

var everything = regexp.MustCompile(".*")

// New returns a handler of templates, in the order in which they are tried,
// before next.
func New(templates []Config, deps Deps, next resolver.Handler) *Handler {
	h := &Handler{deps: deps, next: next}
	for _, t := range templates {
		if len(t.Match) == 0 {
			t.Match = []*regexp.Regexp{everything}
		}
		h.templates = append(h.templates, t)
	}
	return h
}

// Serve answers q by the first template that is for it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	for i := range h.templates {
		t := &h.templates[i]
		apex := zone.Longest(t.Zones, q.Name())
		if apex == "" || !t.isFor(q) {
			continue
		}
		// Slow path
		data := t.data(q, apex)
		if data == nil {
			if zone.Longest(t.Fallthrough, q.Name()) == "" {
				r.Handler = Name
				return resolver.ServFail
			}
			continue
		}
		o := h.answer(t, data, r)
		if o != resolver.Later {
			h.deps.matched(data)
		}
		return o
	}
	return h.next.Serve(q, r)
}

// isFor reports whether class and type are the template's.
func (t *Config) isFor(q *resolver.Query) bool {
	return (t.Class == dns.ClassANY || q.Class == dns.ClassANY || q.Class == t.Class) &&
		(t.Type == dns.TypeANY || q.Type == dns.TypeANY || q.Type == t.Type)
}

// answer makes t's reply.
func (h *Handler) answer(t *Config, data *Data, r *resolver.Reply) resolver.Outcome {
	r.Handler = Name
	if t.Rcode == wire.ServFail {
		t.explain(r)
		return resolver.ServFail
	}
	m := new(dns.Msg)
	m.Question = []dns.Question{*data.Question}
	m.Authoritative, m.Rcode = true, int(t.Rcode)
	end := end{outcome: outcomeOf(t)}
	for s, to := range []*[]dns.RR{wire.Answer: &m.Answer, wire.Authority: &m.Ns, wire.Additional: &m.Extra} {
		for _, text := range t.records[s] {
			rr, written, err := record(text, data)
			if err != nil {
				h.deps.failed(data, text.Name(), text.Root.String(), written)
				r.Err = fmt.Errorf("template: %s: %w", text.Name(), err)
				return resolver.ServFail
			}
			if rr == nil {
				continue
			}
			*to = append(*to, rr)
			if cname, ok := rr.(*dns.CNAME); ok && wire.Section(s) == wire.Answer && wantsAddress(data.query) {
				if !end.follow(data.query, cname.Target) {
					r.Err = end.err
					return end.outcome
				}
				m.Answer = append(m.Answer, end.answer...)
			}
		}
	}
	if end.outcome == resolver.Answered && len(m.Answer) == 0 {
		end.outcome = resolver.NoData // templates that wrote nothing
	}
	if t.Rcode == wire.NoError && end.outcome == resolver.NameError {
		m.Rcode = dns.RcodeNameError // RFC 6604 section 2
	}
	m.Ns, m.Truncated = append(m.Ns, end.authority...), end.truncated
	if err := r.SetMsg(m); err != nil {
		r.Err = fmt.Errorf("template: %w", err)
		return resolver.ServFail
	}
	t.explain(r)
	return end.outcome
}

// explain gives the reply the template's Extended DNS Error.
func (t *Config) explain(r *resolver.Reply) {
	if t.EDE != nil {
		r.SetEDE(t.EDE.Code, t.EDE.Text)
	}
}

func wantsAddress(q *resolver.Query) bool { return q.Type == wire.TypeA || q.Type == wire.TypeAAAA }

// end is where a CNAME leads.
type end struct {
	answer, authority []dns.RR
	truncated         bool
	outcome           resolver.Outcome // of the reply
	err               error
}

// follow asks the server for what stands at target, and reports whether there is
// to be a reply. A refusal has no records, and is none of what was asked: the
// client may follow.
func (e *end) follow(q *resolver.Query, target string) bool {
	e.answer = nil
	m, o, err := resolver.Ask(q.Head, q, resolver.Question{Name: target, Type: q.Type})
	if m == nil || o == resolver.ServFail {
		if e.outcome = o; err != nil {
			e.err = fmt.Errorf("template: following a CNAME to %s: %w", target, err)
		}
		return false
	}
	e.answer, e.truncated = m.Answer, m.Truncated
	if e.outcome == resolver.Answered && (o == resolver.NameError || o == resolver.NoData) {
		e.outcome, e.authority = o, m.Ns
	}
	return true
}

// outcomeOf returns what a template's reply means.
func outcomeOf(t *Config) resolver.Outcome {
	switch {
	case t.Rcode == wire.NXDomain:
		return resolver.NameError
	case t.Rcode == wire.Refused:
		return resolver.Refused
	case t.Rcode != wire.NoError:
		return resolver.Coded
	}
	return resolver.Answered
}

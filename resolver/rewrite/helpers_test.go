package rewrite_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/kubernetes"
	"github.com/rollcall-dns/rollcall/resolver/rewrite"
)

// parse returns the configs of rewrite directives, or the first error.
func parse(t testing.TB, text string) ([]rewrite.Config, error) {
	t.Helper()
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n"+text+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	var configs []rewrite.Config
	for _, d := range f.Blocks[0].Directives {
		c, err := rewrite.Parse(d)
		if err != nil {
			return nil, err
		}
		configs = append(configs, c)
	}
	return configs, nil
}

// before returns the rules of text before next.
func before(t testing.TB, text string, next resolver.Handler) *rewrite.Handler {
	t.Helper()
	configs, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return rewrite.New(configs, next)
}

// cluster returns dnstest's zones before a refusal.
func cluster(t testing.TB) resolver.Handler {
	return &kubernetes.Handler{Zone: dnstest.Zone(t), Next: resolver.Refuse{}}
}

// seen is a question as a handler behind the rules sees it.
type seen struct {
	Name    string
	Type    uint16
	Class   uint16
	Options string
}

// spy notes the question that it is asked, and answers with records, of which a
// lone % is that question's name.
type spy struct {
	got     []seen
	records []string // of the answer
	outcome resolver.Outcome
	err     error
}

func (s *spy) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	name := wire.Name(q.RawName()).String()
	s.got = append(s.got, seen{name, q.Type, q.Class, string(q.Options)})
	if s.outcome == resolver.Later || s.outcome == resolver.Dropped {
		return s.outcome
	}
	r.Handler, r.Err, r.Recursive = "spy", s.err, true
	if s.err != nil {
		return s.outcome
	}
	m := new(dns.Msg)
	m.Question = []dns.Question{{Name: name, Qtype: q.Type, Qclass: q.Class}}
	for _, text := range s.records {
		rr, err := dns.NewRR(strings.ReplaceAll(text, "%", name))
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if err := r.SetMsg(m); err != nil {
		panic(err)
	}
	return s.outcome
}

// nameText returns the name that q asks for.
func nameText(q *resolver.Query) string { return wire.Name(q.Name()).String() }

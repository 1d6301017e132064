package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/watch/explain"
	"github.com/rollcall-dns/rollcall/zone"
)

// askServer explains by asking a server.
func (f *explainFlags) askServer(ctx context.Context, q explain.Question, namespace string) (*explain.Report, error) {
	if c := f.config; len(c.manifests) > 0 || c.kubeconfig != "" || c.context != "" || c.conf != "" || c.namespace != "" {
		return nil, errors.New("-server excludes -manifests, -kubeconfig, -context, -conf and -namespace: it asks a server, which has objects of its own")
	}
	addr := f.server
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "53")
	}
	if err := f.config.checkNames(); err != nil {
		return nil, err
	}
	apex, err := zone.ParseName(cmp.Or(f.config.zone, "cluster.local"))
	if err != nil {
		return nil, fmt.Errorf("-zone: %w", err)
	}
	q.Path, q.From = explain.ClusterFirst(namespace, apex), "a pod of namespace "+namespace
	if f.from.Name != "" {
		q.Path.Notes = append(q.Path.Notes, "the Pod can't be read from a server: its search path is taken for that of dnsPolicy ClusterFirst")
		q.From = "Pod " + f.from.String()
	}
	return explain.Explain(ctx, &server{addr: addr, apex: apex}, q)
}

// server is an explain.Asker that asks a server.
type server struct {
	addr string
	apex zone.Name
}

// Zones returns the one zone that is known of.
func (s *server) Zones() []zone.Name { return []zone.Name{s.apex} }

// Denied returns nothing: a server says what it has to whoever asks.
func (s *server) Denied() []string { return nil }

// Ask asks, over TCP where UDP has too little room.
func (s *server) Ask(ctx context.Context, a explain.Ask) (explain.Answer, error) {
	typ, ok := zone.ParseType(a.Type)
	if !ok {
		return explain.Answer{}, fmt.Errorf("%q is no type that can be asked for", a.Type)
	}
	m := new(dns.Msg).SetQuestion(a.Name.String(), typ)
	const size = 1232
	m.SetEdns0(size, false)
	in, err := s.exchange(ctx, m)
	if err != nil {
		return explain.Answer{}, fmt.Errorf("asking %s: %w", s.addr, err)
	}
	out := explain.Answer{Outcome: dns.RcodeToString[in.Rcode]}
	for _, rr := range in.Answer {
		out.Records = append(out.Records, strings.Join(strings.Fields(rr.String()), " "))
	}
	switch {
	case in.Rcode == dns.RcodeSuccess && len(in.Answer) > 0: // perhaps a CNAME alone, that leads out
		out.Outcome = explain.Found
		return out, nil
	case in.Rcode == dns.RcodeSuccess:
		out.Outcome = explain.NoData
	}
	out.Cause = explain.Cause{Code: strings.ToLower(out.Outcome), Text: fmt.Sprintf("The server says %s of %s, and not why.", out.Outcome, a.Name)}
	if opt := in.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				why := strings.Join(strings.Fields(cmp.Or(e.ExtraText, dns.ExtendedErrorCodeToString[e.InfoCode])), " ")
				out.Cause.Text = fmt.Sprintf("The server says %s of %s: %s.", out.Outcome, a.Name, why)
				if e.InfoCode == dns.ExtendedErrorCodeOther && a.Name.IsBelow(s.apex) {
					out.Near = near(why)
				}
				return out, nil
			}
		}
	}
	if a.Name.IsBelow(s.apex) {
		out.Cause.Hints = []string{"The directive explain in the server block of its Corefile has Rollcall say why; -kubeconfig reads the objects instead."}
	}
	return out, nil
}

// near says how near a name came to something that there is, by the words of a server
// with the directive explain.
func near(why string) int {
	switch why {
	case zone.Reason{Code: zone.NoForm}.String():
		return 0
	case zone.Reason{Code: zone.NoNamespace}.String():
		return 1
	case zone.Reason{Code: zone.NoService}.String():
		return 2
	}
	return 4
}

// attempts is how often a query is sent that gets no reply (resolv.conf(5), options
// attempts, has 2).
const attempts = 3

// exchange sends a query, over TCP if the reply is truncated.
func (s *server) exchange(ctx context.Context, m *dns.Msg) (in *dns.Msg, err error) {
	for range attempts {
		in, _, err = new(dns.Client).ExchangeContext(ctx, m, s.addr)
		if late := (net.Error)(nil); ctx.Err() != nil || !errors.As(err, &late) || !late.Timeout() {
			break
		}
	}
	if err == nil && in.Truncated {
		in, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, m, s.addr)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, cause
	}
	return in, err
}

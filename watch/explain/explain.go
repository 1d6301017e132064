package explain

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/zone"
)

// A Question is what somebody asks a resolver for.
type Question struct {
	// Name is as it was written: a name of any number of labels, absolute with a
	// final dot, or an address, of which the reverse name is meant.
	Name string
	// Types are those to look for, as "A"; one with records is enough. Without any:
	// SRV for a name that begins with an underscore, PTR for a reverse one, else A
	// and AAAA.
	Types []string
	// Path is how the resolver that is asked makes domain names, and From whose it is.
	Path Path
	From string
}

// An Ask is a question for one domain name.
type Ask struct {
	Name zone.Name
	Type string
	// Suffix is what of Name the search path added, "" for nothing, and Labels how
	// many labels the rest has that do not begin with an underscore.
	Suffix zone.Name
	Labels int
}

// An Asker knows what domain names have.
type Asker interface {
	// Zones are the zones of the cluster, as far as they are known.
	Zones() []zone.Name
	// Ask returns what a domain name has. An error says that nothing can be told of
	// any name.
	Ask(context.Context, Ask) (Answer, error)
	// Denied is what could not be read so far for want of rights.
	Denied() []string
}

// Explain asks for each name that the resolver would, until one has records, and
// finds the cause if none has.
func Explain(ctx context.Context, asker Asker, q Question) (*Report, error) {
	w := walker{asker: asker, q: q}
	w.prepare()
	r := &w.report
	steps := w.q.Path.walk(w.q.Name)
	meant, whole := w.meant(steps)
	best := -1
	for i, s := range steps {
		answer, err := w.try(ctx, s)
		if err != nil {
			return nil, err
		}
		near := 2 * answer.Near
		switch {
		case i == meant:
			near++
		case whole:
			near = 0 // a name that ends in the zone is not meant to have a domain behind it
		}
		r.Tries = append(r.Tries, Try{Name: s.text, Answer: answer})
		if answer.Outcome == Found {
			r.Resolves, r.Unknown, r.Records, r.Cause = true, false, answer.Records, Cause{}
			r.Notes = append(r.Notes, answer.Notes...)
			w.musl(steps)
			break
		}
		r.Unknown = r.Unknown || answer.Outcome == Untold && answer.Near > 0
		if near > best {
			best, r.Cause = near, answer.Cause
		}
	}
	if r.Cause.Code == outsideCode && strings.Contains(strings.Trim(w.q.Name, "."), ".") {
		r.Unknown = true // other servers may have it; a name of one label they have not
	}
	if r.Cause.Code == outsideCode && strings.HasSuffix(w.q.Name, ".") && len(w.q.Path.Search) > 0 {
		r.Cause.hint("The final dot says that the name is whole: the search path is for names without.")
	}
	if err := w.unusual(ctx); err != nil {
		return nil, err
	}
	if elsewhere := w.q.Path.Elsewhere; elsewhere.Code != "" {
		w.elsewhere(elsewhere)
	}
	if slices.ContainsFunc(w.q.Path.Hosts, func(host string) bool { return strings.EqualFold(host, strings.TrimSuffix(w.q.Name, ".")) }) {
		r.Notes = append(r.Notes, "/etc/hosts of the pod has the name: programs look there first, and dig does not")
	}
	r.Denied = asker.Denied()
	return r, nil
}

// walker is a Report being made.
type walker struct {
	asker  Asker
	q      Question
	report Report
}

// prepare fills in what the Question leaves out.
func (w *walker) prepare() {
	if a, err := netip.ParseAddr(w.q.Name); err == nil {
		w.q.Name = zone.ReverseName(a.Unmap().WithZone("")).String()
	}
	name, err := zone.ParseName(w.q.Name)
	if len(w.q.Types) == 0 {
		switch {
		case strings.HasPrefix(w.q.Name, "_"):
			w.q.Types = []string{"SRV"}
		case err == nil && name.IsReverse():
			w.q.Types = []string{"PTR"}
		default:
			w.q.Types = []string{"A", "AAAA"}
		}
	}
	r := &w.report
	r.Name, r.Types, r.From = w.q.Name, w.q.Types, w.q.From
	r.Ndots, r.Notes = w.q.Path.Ndots, w.q.Path.Notes
	for _, s := range w.q.Path.Search {
		r.Search = append(r.Search, strings.TrimSuffix(s.String(), "."))
	}
}

// try asks for one name, by all types.
func (w *walker) try(ctx context.Context, s step) (Answer, error) {
	if s.err != nil {
		c := Cause{Code: "no-name", Text: fmt.Sprintf("It is no domain name, and no resolver asks for it: %v.", s.err)}
		near := 1
		if s.suffix == "" {
			near = 9 // it is so by itself, whatever is added
		}
		return Answer{Outcome: Unasked, Cause: c, Near: near}, nil
	}
	var all Answer
	for i, t := range w.q.Types {
		a, err := w.asker.Ask(ctx, Ask{Name: s.name, Type: t, Suffix: s.suffix, Labels: named(w.q.Name)})
		switch {
		case err != nil:
			return Answer{}, fmt.Errorf("%s: %w", s.text, err)
		case a.Outcome == Found && all.Outcome == Found:
			for _, r := range a.Records {
				if !slices.Contains(all.Records, r) { // as the CNAME of an alias
					all.Records = append(all.Records, r)
				}
			}
		case i == 0 || a.Outcome == Found:
			all = a
		}
	}
	return all, nil
}

// named counts the labels of a name without those of a port and its protocol.
func named(text string) (n int) {
	for _, l := range strings.Split(strings.TrimSuffix(text, "."), ".") {
		if !strings.HasPrefix(l, "_") {
			n++
		}
	}
	return n
}

// meant returns which step the form of the name is for: as it is if it is in a zone
// of the cluster, which is a whole name, else as SERVICE, SERVICE.NAMESPACE or
// SERVICE.NAMESPACE.svc, or what is below the last.
func (w *walker) meant(steps []step) (i int, whole bool) {
	for i, s := range steps {
		if s.suffix == "" && s.err == nil && slices.ContainsFunc(w.asker.Zones(), s.name.IsBelow) {
			return i, true
		}
	}
	if strings.HasSuffix(strings.ToLower(w.q.Name), ".svc") {
		if i := slices.IndexFunc(steps, func(s step) bool { return slices.Contains(w.asker.Zones(), s.suffix) }); i >= 0 {
			return i, false
		}
	}
	i = named(w.q.Name) - 1
	if steps[0].suffix == "" {
		i++
	}
	return i, false
}

// unusual hints at the search path that other pods have, if that leads to the name.
func (w *walker) unusual(ctx context.Context) error {
	r, p := &w.report, &w.q.Path
	if p.Usual == nil || r.Resolves {
		return nil
	}
	for _, s := range p.Usual.walk(w.q.Name) {
		if s.suffix == "" {
			continue
		}
		a, err := w.try(ctx, s)
		if err != nil {
			return err
		}
		if a.Outcome == Found {
			r.Cause.Text += " " + p.Unusual
			r.Cause.Hints = slices.Insert(r.Cause.Hints, 0, fmt.Sprintf(
				"Ask for %s, or add %s to dnsConfig.searches.", strings.TrimSuffix(s.text, "."), strings.TrimSuffix(s.suffix.String(), ".")))
			return nil
		}
	}
	return nil
}

// musl notes where the resolver of musl, which Alpine has, gives up before the name
// is found: it does not search for a name with ndots dots, and goes on after
// NXDOMAIN alone.
func (w *walker) musl(steps []step) {
	last := len(w.report.Tries) - 1
	if last == 0 {
		return
	}
	if steps[0].suffix == "" {
		w.report.Notes = append(w.report.Notes, fmt.Sprintf(
			"the resolver of musl (Alpine) does not find it: a name with %d dots or more (ndots) is not searched for", w.q.Path.Ndots))
		return
	}
	for _, t := range w.report.Tries[:last] {
		if t.Outcome == NoData {
			w.report.Notes = append(w.report.Notes,
				"the resolver of musl (Alpine) does not find it: it ends the search at NODATA, which "+t.Name+" is")
			return
		}
	}
}

// elsewhere makes of the report that of a pod which asks other servers.
func (w *walker) elsewhere(c Cause) {
	r := &w.report
	if r.Resolves {
		r.Notes = append(r.Notes, "the cluster's DNS would answer it")
	} else if r.Cause.Text != "" && r.Cause.Code != outsideCode {
		c.Hints = append(c.Hints, "Beside that: "+r.Cause.Text)
	}
	r.Resolves, r.Unknown, r.Records = false, r.Unknown && r.Cause.Code == outsideCode, nil
	r.Cause = c
}

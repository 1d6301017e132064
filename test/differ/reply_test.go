package differ

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A reply is a message in a form that compares: sections are sorted, and each
// record is a line of a master file.
type reply struct {
	rcode            int
	flags            string
	question         string
	answer, ns, glue []string
}

func (r reply) equal(o reply) bool { return r.String() == o.String() }

func (r reply) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "    %s %s, question %s\n", dns.RcodeToString[r.rcode], r.flags, r.question)
	for _, section := range []struct {
		name  string
		lines []string
	}{{"answer", r.answer}, {"authority", r.ns}, {"additional", r.glue}} {
		for _, line := range section.lines {
			fmt.Fprintf(&b, "    %s: %s\n", section.name, line)
		}
	}
	return b.String()
}

// positive says whether the reply has what was asked for.
func (r reply) positive() bool { return len(r.answer) > 0 }

// nodata says whether the name exists without records of the type.
func (r reply) nodata() bool { return r.rcode == dns.RcodeSuccess && len(r.answer) == 0 }

func newReply(m *dns.Msg) reply {
	r := reply{rcode: m.Rcode}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired}, {"ra", m.RecursionAvailable}, {"ad", m.AuthenticatedData}} {
		if flag.set {
			r.flags += flag.name + " "
		}
	}
	r.flags = strings.TrimSpace(r.flags)
	if len(m.Question) == 1 {
		r.question = question{m.Question[0].Name, m.Question[0].Qtype}.String()
	}
	r.answer, r.ns, r.glue = lines(m.Answer), lines(m.Ns), lines(m.Extra)
	return r
}

func lines(section []dns.RR) (text []string) {
	for _, rr := range section {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue // of the hop, not of the answer
		}
		text = append(text, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(text)
	return text
}

// size is how many octets a reply takes, with an OPT record without options.
func (r reply) size() int {
	name, typ, _ := strings.Cut(r.question, " ")
	m := new(dns.Msg).SetQuestion(strings.ToLower(name), dns.StringToType[typ]).SetEdns0(announced, false)
	m.Compress = true
	for _, section := range []struct {
		to    *[]dns.RR
		lines []string
	}{{&m.Answer, r.answer}, {&m.Ns, r.ns}, {&m.Extra, r.glue}} {
		for _, line := range section.lines {
			rr, err := dns.NewRR(strings.Replace(line, " SERIAL ", " 1 ", 1))
			if err != nil {
				panic(err) // a line that this package wrote
			}
			*section.to = append(*section.to, rr)
		}
	}
	b, err := m.Pack()
	if err != nil {
		panic(err) // records that came in a message
	}
	return len(b)
}

// cut is what is left of a reply when no more than maxUDP octets may be sent.
// Which records of a set are kept is the choice of the server that chose, in
// kept; how many are, and what is left out first, is not. A choice that is not
// allowed leaves the reply as it was.
func (r reply) cut(kept reply) reply {
	if r.size() <= maxUDP {
		return r
	}
	out := r
	// choose keeps the lines of a section that were chosen, and reports whether
	// these fit and no further one does. They differ in length: it is enough
	// that there is one that does not fit, since the first may have been that.
	choose := func(section *[]string, chosen []string) bool {
		var left []string
		all := *section
		*section = nil
		for _, line := range all {
			if slices.Contains(chosen, line) {
				*section = append(*section, line)
			} else {
				left = append(left, line)
			}
		}
		some := *section
		defer func() { *section = some }()
		return out.size() <= maxUDP && slices.ContainsFunc(left, func(line string) bool {
			*section = append(slices.Clone(some), line)
			return out.size() > maxUDP
		})
	}
	allowed := false
	if out.glue = nil; out.size() > maxUDP {
		out.flags = strings.Replace(r.flags, "aa", "aa tc", 1)
		allowed = choose(&out.answer, kept.answer)
	} else {
		out.glue = r.glue
		allowed = choose(&out.glue, kept.glue)
	}
	if !allowed {
		return r
	}
	return out
}

// askAll asks a server all questions, with a few at a time.
func askAll(server string, questions []question) ([]reply, error) {
	const workers = 8
	replies, errs := make([]reply, len(questions)), make([]error, workers)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			client := &dns.Client{Timeout: 5 * time.Second}
			for i := worker; i < len(questions) && errs[worker] == nil; i += workers {
				replies[i], errs[worker] = ask(client, server, questions[i])
			}
		})
	}
	group.Wait()
	return replies, errors.Join(errs...)
}

const (
	// announced is how many octets clients say that they take over UDP: more
	// than any reply has.
	announced = 16384
	// maxUDP is how many Rollcall sends.
	maxUDP = 1232
)

func ask(client *dns.Client, server string, q question) (reply, error) {
	m := new(dns.Msg).SetQuestion(q.name, q.typ)
	m.SetEdns0(announced, false)
	answer, _, err := client.Exchange(m, server)
	if err != nil {
		return reply{}, fmt.Errorf("asking %s for %s: %w", server, q, err)
	}
	return newReply(answer), nil
}

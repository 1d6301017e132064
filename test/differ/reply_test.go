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

func ask(client *dns.Client, server string, q question) (reply, error) {
	m := new(dns.Msg).SetQuestion(q.name, q.typ)
	m.SetEdns0(4096, false)
	answer, _, err := client.Exchange(m, server)
	if err != nil {
		return reply{}, fmt.Errorf("asking %s for %s: %w", server, q, err)
	}
	return newReply(answer), nil
}

package corefiles

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// A trial is a Corefile and what shows that its lines took effect.
type trial struct {
	name      string              // of testdata/NAME.corefile
	at        string              // the port that most questions go to; 53 if empty
	upstreams map[string]string   // the servers behind its upstreams, where that is not world
	unbounds  map[string]resolver // upstreams that are Unbounds of their own
	files     map[string]string   // files by their paths in the Corefile, as they are called in the cluster's folder
	account   string              // that reads the cluster; coredns if empty
	refused   []refusal
	exhibits  []exhibit
}

// An exhibit shows that lines took effect.
type exhibit struct {
	lines []string // see normal
	run   func(*testing.T, *subject)
}

// A row is a question and its answer.
type row struct {
	ask    string   // "NAME TYPE"
	at     string   // a port of the Corefile, if not the trial's
	from   string   // the client's address, if it matters
	want   []string // the answer section, "NAME TYPE DATA" each, in any order
	ttl    uint32   // of every record; any if zero
	rcode  string   // NOERROR if empty
	aa     bool     // it must be authoritative
	reason string
}

// asks shows lines by questions.
func asks(lines []string, rows ...row) exhibit {
	return exhibit{lines, func(t *testing.T, s *subject) {
		t.Helper()
		for _, r := range rows {
			r.check(t, s)
		}
	}}
}

func (r row) check(t *testing.T, s *subject) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		reply, err := s.askFrom(r.from, r.at, r.ask, network)
		if err != nil {
			t.Errorf("%s (%s): %v", network, r.reason, err)
			continue
		}
		rcode := r.rcode
		if rcode == "" {
			rcode = "NOERROR"
		}
		if got := dns.RcodeToString[reply.Rcode]; got != rcode {
			t.Errorf("%s %s (%s): got %s, want %s", network, r.ask, r.reason, got, rcode)
		}
		if r.aa && !reply.Authoritative {
			t.Errorf("%s %s (%s): not authoritative", network, r.ask, r.reason)
		}
		want := slices.Sorted(slices.Values(r.want))
		if diff := cmp.Diff(want, texts(reply.Answer)); diff != "" {
			t.Errorf("%s %s (%s): answers (-want +got):\n%s", network, r.ask, r.reason, diff)
		}
		for _, rr := range reply.Answer {
			if r.ttl != 0 && rr.Header().Ttl != r.ttl {
				t.Errorf("%s %s (%s): %s: the TTL is %d, want %d", network, r.ask, r.reason, rr, rr.Header().Ttl, r.ttl)
			}
		}
	}
}

// texts are records as "NAME TYPE DATA", sorted; nil for none. The specification
// says nothing of an SRV record's weight, so it is left out.
func texts(records []dns.RR) (all []string) {
	for _, rr := range records {
		h := rr.Header()
		data := strings.TrimPrefix(rr.String(), h.String())
		if srv, ok := rr.(*dns.SRV); ok {
			data = fmt.Sprintf("%d * %d %s", srv.Priority, srv.Port, srv.Target)
		}
		all = append(all, fmt.Sprintf("%s %s %s", h.Name, dns.TypeToString[h.Rrtype], data))
	}
	slices.Sort(all)
	return all
}

// TestCorefiles runs every Corefile of testdata, and shows that each of its lines
// took effect.
func TestCorefiles(t *testing.T) {
	trials := slices.Concat(installers, threads, upstreamThreads, clusterThreads, nameThreads)
	files, err := filepath.Glob("testdata/*.corefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".corefile")
		if !slices.ContainsFunc(trials, func(c trial) bool { return c.name == name }) {
			t.Errorf("%s has no trial", file)
		}
	}
	for _, c := range trials {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, c)
			for _, e := range s.exhibits(t, c) {
				t.Run(strings.Join(e.lines, "; "), func(t *testing.T) { e.run(t, s) })
			}
		})
	}
}

// exhibits returns those of a trial, and the standard one of each line that it has
// none for; what ends the program is last.
func (s *subject) exhibits(t *testing.T, c trial) []exhibit {
	t.Helper()
	all, last := c.exhibits, []exhibit(nil)
	var shown []string
	for _, e := range c.exhibits {
		for _, line := range e.lines {
			if !slices.Contains(s.lines, line) {
				t.Errorf("an exhibit shows %q, which the Corefile does not have", line)
			}
		}
		shown = append(shown, e.lines...)
	}
	for _, r := range c.refused {
		shown = append(shown, r.lines...)
	}
	for _, line := range s.lines {
		if slices.Contains(shown, line) {
			continue
		}
		run := standard(line)
		switch {
		case run == nil:
			t.Errorf("nothing shows that %q takes effect", line)
		case strings.HasPrefix(line, "lameduck"):
			last = append(last, exhibit{[]string{line}, run})
		default:
			all = append(all, exhibit{[]string{line}, run})
		}
	}
	return slices.Concat(all, last)
}

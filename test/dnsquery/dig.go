package dnsquery

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A Server is the address of a DNS server.
type Server struct{ Addr netip.AddrPort }

// A Question is what dig asks.
type Question struct {
	Name string // taken as absolute, with or without its last dot
	Type string // A, AAAA, …
	TCP  bool
	// Options are more of dig's, such as "+bufsize=512" or "+norecurse".
	Options []string
}

func (q Question) String() string {
	transport := "udp"
	if q.TCP {
		transport = "tcp"
	}
	return q.Name + " " + q.Type + " " + transport
}

// An Answer is a reply. Each record is a line "NAME TTL TYPE DATA", names as the
// server spelled them; sections are sorted, and nil when empty.
type Answer struct {
	Rcode                         string   // NOERROR, NXDOMAIN, …
	Flags                         []string // such as qr, aa, rd, sorted
	EDE                           string   // the Extended DNS Error as dig words it, empty for none
	Question                      string   // "NAME TYPE"
	Answer, Authority, Additional []string
}

// Has says whether a flag is set.
func (a Answer) Has(flag string) bool { return slices.Contains(a.Flags, flag) }

// Dig asks once, with dig. An answer that was truncated is returned as it is, and
// not asked for again over TCP. That no answer came within three seconds is an
// error.
func (s Server) Dig(ctx context.Context, q Question) (Answer, error) {
	name := strings.TrimSuffix(q.Name, ".") + "."
	args := []string{"-r", "@" + s.Addr.Addr().String(), "-p", strconv.Itoa(int(s.Addr.Port())),
		"+tries=1", "+timeout=3", "+nosearch", "+ignore", "+noall", "+comments", "+question", "+answer", "+authority", "+additional"}
	if q.TCP {
		args = append(args, "+tcp")
	}
	args = append(args, q.Options...)
	args = append(args, "-t", q.Type, "-q", name)
	out, err := exec.CommandContext(ctx, "dig", args...).Output()
	if err != nil {
		return Answer{}, fmt.Errorf("dig %s: %w\n%s", q, err, bytes.TrimSpace(out))
	}
	answer, err := parseDig(string(out))
	if err != nil {
		return Answer{}, fmt.Errorf("dig %s: %w\n%s", q, err, bytes.TrimSpace(out))
	}
	return answer, nil
}

// parseDig reads the comments and sections that dig prints for one reply.
func parseDig(text string) (Answer, error) {
	var a Answer
	var section *[]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			section = nil
		case strings.HasPrefix(line, ";; ->>HEADER<<-"):
			a.Rcode = between(line, "status: ", ",")
		case strings.HasPrefix(line, ";; flags: "):
			a.Flags = strings.Fields(between(line, "flags: ", ";"))
			slices.Sort(a.Flags)
		case strings.HasPrefix(line, "; EDE: "):
			a.EDE = strings.TrimPrefix(line, "; EDE: ")
		case line == ";; ANSWER SECTION:":
			section = &a.Answer
		case line == ";; AUTHORITY SECTION:":
			section = &a.Authority
		case line == ";; ADDITIONAL SECTION:":
			section = &a.Additional
		case strings.HasPrefix(line, ";"):
			// The question is a comment: ";NAME CLASS TYPE".
			if f := strings.Fields(line[1:]); len(f) == 3 && f[1] == "IN" {
				a.Question = f[0] + " " + f[2]
			}
		case section != nil:
			f := strings.Fields(line)
			if len(f) < 4 || f[2] != "IN" {
				return a, fmt.Errorf("not a record of class IN: %q", line)
			}
			*section = append(*section, strings.Join(slices.Delete(f, 2, 3), " "))
		}
	}
	if a.Rcode == "" || a.Flags == nil {
		return a, fmt.Errorf("no reply")
	}
	for _, s := range [][]string{a.Answer, a.Authority, a.Additional} {
		slices.Sort(s)
	}
	return a, nil
}

// between is the part of s after the first start and before the next end.
func between(s, start, end string) string {
	_, s, _ = strings.Cut(s, start)
	s, _, _ = strings.Cut(s, end)
	return s
}

package explain

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// What a name got: [Answer].Outcome.
const (
	Found    = "NOERROR"  // there are records
	NoData   = "NODATA"   // the name exists, without records of the type
	NXDomain = "NXDOMAIN" // the name does not exist
	ServFail = "SERVFAIL" // ExternalName Services lead to one another
	Outside  = "outside"  // the name is in no zone of the cluster
	Unasked  = "unasked"  // it is no domain name, so that no resolver asks
	Untold   = "unknown"  // what decides it may not be read
)

// An Answer is what a domain name has.
type Answer struct {
	Outcome string   `json:"outcome"`
	Records []string `json:"records,omitempty"` // as in a master file
	// Cause is why there is nothing; the zero Cause for Found.
	Cause Cause `json:"cause,omitzero"`
	// Notes are what else there is to know: of Found, endpoints that are left out.
	Notes []string `json:"notes,omitempty"`
	// Near is how near the name came to something that there is, from 0 to 9: of
	// several causes, that of the nearest name is told first.
	Near int `json:"-"`
}

// A Cause says why a name has nothing.
type Cause struct {
	Code    string   `json:"code"`              // one word of docs/explain.md
	Text    string   `json:"text"`              // in plain words
	Hints   []string `json:"hints,omitempty"`   // what would mend it, likeliest first
	Objects []string `json:"objects,omitempty"` // those that decide, as "Service default/web"
}

// hint adds a hint, if it is none yet.
func (c *Cause) hint(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, h := range c.Hints {
		if h == text {
			return
		}
	}
	c.Hints = append(c.Hints, text)
}

// A Try is a name of the search path, and what it got.
type Try struct {
	Name string `json:"name"` // absolute
	Answer
}

// A Report is what became of a Question.
type Report struct {
	Name  string   `json:"name"` // as it was asked
	Types []string `json:"types"`
	From  string   `json:"from,omitempty"` // whose resolver walked

	Search []string `json:"search,omitempty"`
	Ndots  int      `json:"ndots"`

	Resolves bool `json:"resolves"`
	// Unknown says that it might resolve: what decides may not be read, or other
	// servers have it.
	Unknown bool     `json:"unknown,omitempty"`
	Records []string `json:"records,omitempty"`
	// Cause is why it does not resolve: the first to look at.
	Cause Cause    `json:"cause,omitzero"`
	Notes []string `json:"notes,omitempty"`
	// Tries are in the order in which the resolver asks; it ends at the first that is
	// Found.
	Tries []Try `json:"tries,omitempty"`
	// Denied has what could not be read for want of rights.
	Denied []string `json:"denied,omitempty"`
}

// Print writes the report as text: whether the name resolves, the cause, what would
// mend it, and each name that was tried.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	from := ""
	if r.From != "" {
		from = ", from " + r.From
	}
	verdict := "does not resolve"
	switch {
	case r.Resolves:
		verdict = "resolves"
	case r.Unknown:
		verdict = "it can't be told whether it resolves"
	}
	fmt.Fprintf(&b, "%s %s%s: %s.\n", r.Name, strings.Join(r.Types, " "), from, verdict)
	paragraph(&b, "", r.Records...)
	if r.Cause.Text != "" {
		paragraph(&b, "", r.Cause.Text)
		for _, h := range r.Cause.Hints {
			fmt.Fprintf(&b, "  -> %s\n", h)
		}
	}
	paragraph(&b, "Note: ", r.Notes...)
	paragraph(&b, "Not read: ", r.Denied...)
	if len(r.Tries) > 0 {
		r.printTries(&b)
	}
	_, err := io.WriteString(w, strings.Map(visible, b.String()))
	return err
}

// visible keeps control characters from a terminal: a server, and who may write the
// status of a Pod, say what is printed.
func visible(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

func paragraph(b *strings.Builder, prefix string, lines ...string) {
	if len(lines) > 0 {
		b.WriteByte('\n')
	}
	for _, l := range lines {
		fmt.Fprintf(b, "  %s%s\n", prefix, l)
	}
}

func (r *Report) printTries(b *strings.Builder) {
	path := "no search path"
	if len(r.Search) > 0 {
		path = fmt.Sprintf("search %s; ndots:%d", strings.Join(r.Search, " "), r.Ndots)
	}
	fmt.Fprintf(b, "\nThe resolver asks, in this order (%s):\n\n", path)
	for i := range r.Tries {
		t := &r.Tries[i]
		fmt.Fprintf(b, "  %-8s %s\n", t.Outcome, t.Name)
		if t.Cause.Text != "" && t.Cause.Text != r.Cause.Text {
			fmt.Fprintf(b, "           %s\n", t.Cause.Text)
		}
	}
}

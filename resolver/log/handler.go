package log

import (
	"io"
	"sync"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// Handler writes a line for each query that Next serves, if a rule says so.
// Make it with New.
type Handler struct {
	rules []rule
	out   io.Writer
	next  resolver.Handler
	lines sync.Pool // of *[]byte
}

// rule is a Rule whose zone is a name.
type rule struct {
	Rule
	apex zone.Name
}

// prefix begins each line, as that of every line of CoreDNS does.
const prefix = "[INFO] "

// New returns a handler that logs to out what next serves, each query by one
// call of Write. Out must be safe for concurrent use, as a file is.
func New(configs []Config, out io.Writer, next resolver.Handler) (*Handler, error) {
	h := &Handler{out: out, next: next}
	for _, c := range configs {
		for _, r := range c.Rules {
			apex, err := zone.ParseName(r.Zone)
			if err != nil {
				return nil, err
			}
			h.rules = append(h.rules, rule{r, apex})
		}
	}
	return h, nil
}

// Serve passes q on and logs what became of it.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	o := h.next.Serve(q, r)
	if o == resolver.Later || q.Depth > 0 {
		return o
	}
	for i := range h.rules {
		if wire.IsBelow(q.Name(), h.rules[i].apex) {
			if class := classOf(o); h.rules[i].Classes.Has(class) {
				h.write(&h.rules[i].Format, values(q, r, o))
			}
			break
		}
	}
	return o
}

// write writes a line. An error of the output is nobody's to be told.
func (h *Handler) write(f *Format, v *Values) {
	line, ok := h.lines.Get().(*[]byte)
	if !ok {
		line = new([]byte)
	}
	b := append((*line)[:0], prefix...)
	b = append(f.Append(b, v), '\n')
	_, _ = h.out.Write(b)
	*line = b
	h.lines.Put(line)
}

// classOf returns the class of an outcome.
func classOf(o resolver.Outcome) Classes {
	switch o {
	case resolver.Answered:
		return Success
	case resolver.NoData, resolver.NameError:
		return Denial
	}
	return Error
}

func values(q *resolver.Query, r *resolver.Reply, o resolver.Outcome) *Values {
	v := &Values{
		Remote:      q.Client,
		Local:       q.Local.Addr(),
		Proto:       q.Transport.String(),
		ID:          q.ID,
		Opcode:      uint8(q.Opcode()),
		Name:        []byte(wire.Name(q.RawName()).String()),
		Type:        q.Type,
		Class:       q.Class,
		Size:        q.Size(),
		DO:          q.DO,
		Labels:      q.Labels,
		BufSize:     q.BufSize(),
		NoReply:     o == resolver.Dropped,
		Rcode:       uint16(o.Rcode(r)),
		Flags:       r.Flags(),
		ReplySize:   r.Size(),
		AnswerClass: classOf(o),
		AnswerType:  o.Rcode(r).String(),
		Duration:    time.Since(q.Received),
	}
	if o == resolver.NoData {
		v.AnswerType = "NODATA"
	}
	return v
}

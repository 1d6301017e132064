package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"
)

// The transports of a row.
type transports uint8

const (
	udp transports = 1 << iota
	tcp
	both = udp | tcp
)

func (t transports) String() string { return [...]string{udp: "UDP", tcp: "TCP", both: "both"}[t] }

// A row is one behaviour.
type row struct {
	number int // of the behaviour; several rows may share one
	title  string
	reason string // the clause that asks for it
	over   transports

	// A query, and what its reply must be. silent wants no reply instead.
	query  []byte
	expect check
	silent bool
	// Or a conversation: called once for each transport, with a context that
	// ends with the test. It bounds its own waits.
	talk func(ctx context.Context, s server, tcp bool) error

	// slow is a row that mostly waits: all of these run at once. alone is one
	// that others would disturb.
	slow, alone bool
	// pending says what Rollcall lacks for the row to pass, if it is known.
	pending string
}

// rows are all rows, in the order of their numbers.
func rows(s server) []row {
	table := slices.Concat(headerRows(s), ednsRows(s), malformedRows(s), refusedRows(s), nameRows(s), denialRows(s),
		aliasRows(s), sizeRows(s), streamRows(s), limitRows(s), cookieRows(s))
	slices.SortStableFunc(table, func(a, b row) int { return a.number - b.number })
	return table
}

// try runs a row over each of its transports, and returns the first error.
func (r row) try(ctx context.Context, s server) error {
	for _, t := range []transports{udp, tcp} {
		if r.over&t == 0 {
			continue
		}
		err := r.once(ctx, s, t == tcp)
		if offered := notOffered(""); errors.As(err, &offered) {
			return err
		}
		if err != nil && r.over == both {
			return fmt.Errorf("over %s: %w", t, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r row) once(ctx context.Context, s server, tcp bool) error {
	switch {
	case r.talk != nil:
		return r.talk(ctx, s, tcp)
	case r.silent:
		return s.silence(ctx, tcp, r.query)
	}
	x, err := s.exchange(ctx, tcp, r.query)
	if err != nil {
		return err
	}
	return r.expect(x)
}

// run tries all rows and returns their errors, in the rows' order.
func run(ctx context.Context, s server, rows []row) []error {
	results := make([]error, len(rows))
	var waiting sync.WaitGroup
	for i, r := range rows {
		if r.slow && !r.alone {
			waiting.Go(func() { results[i] = r.try(ctx, s) })
		}
	}
	for i, r := range rows {
		if !r.slow && !r.alone {
			results[i] = r.try(ctx, s)
		}
	}
	waiting.Wait()
	for i, r := range rows {
		if r.alone {
			results[i] = r.try(ctx, s)
		}
	}
	return results
}

// replies asks each query in turn and checks its reply.
func replies(expect check, queries ...[]byte) func(context.Context, server, bool) error {
	return func(ctx context.Context, s server, tcp bool) error {
		for _, q := range queries {
			x, err := s.exchange(ctx, tcp, q)
			if err == nil {
				err = expect(x)
			}
			if err != nil && len(queries) > 1 {
				return fmt.Errorf("%s: %w", label(q), err)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// label names a query among several by its question, or by its opcode.
func label(query []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(query); err != nil || len(m.Question) == 0 {
		return fmt.Sprintf("opcode %d", query[2]>>3&0xf)
	}
	q := m.Question[0]
	if m.Opcode != dns.OpcodeQuery {
		return fmt.Sprintf("opcode %d", m.Opcode)
	}
	return fmt.Sprintf("%s %s %s", q.Name, dns.Class(q.Qclass), dns.Type(q.Qtype))
}

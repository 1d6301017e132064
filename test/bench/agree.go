package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// An answer is what is compared of a reply.
type answer struct {
	rcode, records int // records of the answer section
	size           int // of the message in bytes
}

// askAll asks a contender every question once, over UDP, and returns the answers
// in the order of the questions.
func askAll(ctx context.Context, c *contender, questions []question) ([]answer, error) {
	conn, err := net.Dial("udp", c.addr.String())
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", c.name, err)
	}
	defer conn.Close()
	answers := make([]answer, len(questions))
	buffer := make([]byte, 4096)
	for i, q := range questions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		packet, err := q.message(uint16(i)).Pack()
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", q.name, err)
		}
		if _, err := conn.Write(packet); err != nil {
			return nil, fmt.Errorf("asking %s: %w", c.name, err)
		}
		// Nothing is lost on the loopback with one question under way.
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return nil, err
		}
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, fmt.Errorf("asking %s for %s: %w", c.name, q.name, err)
		}
		var reply dns.Msg
		if err := reply.Unpack(buffer[:n]); err != nil {
			return nil, fmt.Errorf("%s' reply for %s: %w", c.name, q.name, err)
		}
		if reply.Id != uint16(i) || reply.Truncated {
			return nil, fmt.Errorf("%s' reply for %s: id %d truncated %t, want id %d and all of it", c.name, q.name, reply.Id, reply.Truncated, uint16(i))
		}
		answers[i] = answer{reply.Rcode, len(reply.Answer), n}
	}
	return answers, nil
}

// sizes are the bytes that a contender's replies have on average, by the kind of
// answer.
type sizes struct {
	All      float64 `json:"all"`
	Address  float64 `json:"a"`
	NoData   float64 `json:"nodata"`
	Service  float64 `json:"srv"`
	NXDomain float64 `json:"nxdomain"`
}

func sizesOf(questions []question, answers []answer) (s sizes) {
	counts := make(map[*float64]float64)
	for i, a := range answers {
		kind := &s.Address
		switch {
		case a.rcode == dns.RcodeNameError:
			kind = &s.NXDomain
		case a.records == 0:
			kind = &s.NoData
		case questions[i].typ == dns.TypeSRV:
			kind = &s.Service
		}
		for _, sum := range []*float64{kind, &s.All} {
			*sum += float64(a.size)
			counts[sum]++
		}
	}
	for sum, n := range counts {
		*sum /= n
	}
	return s
}

// differ returns an error that shows the first of the questions to which two
// contenders gave another response code or number of answers, or nil.
func differ(questions []question, first, second []answer) error {
	count, example := 0, ""
	for i := range questions {
		a, b := first[i], second[i]
		if a.rcode == b.rcode && a.records == b.records {
			continue
		}
		if count++; count == 1 {
			example = fmt.Sprintf("%s %s: %s with %d answers, and %s with %d", questions[i].name, dns.TypeToString[questions[i].typ],
				dns.RcodeToString[a.rcode], a.records, dns.RcodeToString[b.rcode], b.records)
		}
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d answers differ, as %s", count, len(questions), example)
}

// sizeTolerance is by how much the replies of two servers may differ in size on
// average, as a share, for their figures to be compared.
const sizeTolerance = 0.01

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// clusterZone is the zone's apex.
const clusterZone = "cluster.local."

// A question is a name, absolute, and a type.
type question struct {
	name string
	typ  uint16
}

// newQuestions returns what is asked of the world, in an order that is the same
// each time: the A of each Service, the AAAA of every fifth (NODATA: the world
// is IPv4), the A of a pod and the SRV of each headless one, and for every fifth
// what a search path with ndots:5 makes of a name outside of the cluster
// (NXDOMAIN).
func newQuestions(world []service) []question {
	random := rand.New(rand.NewPCG(1, 2))
	var questions []question
	for i, s := range world {
		below := s.namespace + ".svc." + clusterZone
		name := s.name + "." + below
		questions = append(questions, question{name, dns.TypeA})
		if s.headless {
			pod := fmt.Sprintf("pod-%d.%s", random.IntN(endpointsEach), name)
			questions = append(questions, question{pod, dns.TypeA}, question{"_" + portName + "._tcp." + name, dns.TypeSRV})
		}
		switch i % 5 {
		case 0:
			questions = append(questions, question{name, dns.TypeAAAA})
		case 1:
			questions = append(questions, question{fmt.Sprintf("api-%d.example.com.%s", i, below), dns.TypeA})
		}
	}
	random.Shuffle(len(questions), func(i, j int) { questions[i], questions[j] = questions[j], questions[i] })
	return questions
}

// message is the question as it is sent: with EDNS and a buffer of 4,096 bytes,
// as dnsperf -e does it.
func (q question) message(id uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.typ)
	m.Id = id
	m.RecursionDesired = true
	m.SetEdns0(4096, false)
	return m
}

// writeQuestions writes the questions as dnsperf reads them.
func writeQuestions(path string, questions []question) error {
	var text strings.Builder
	for _, q := range questions {
		fmt.Fprintf(&text, "%s %s\n", q.name, dns.TypeToString[q.typ])
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("writing the questions: %w", err)
	}
	return nil
}

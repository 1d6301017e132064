package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/peers"
)

// upstreamZone is what the server that is forwarded to has: any name below host
// has two addresses of each family, and none is below none.
const (
	upstreamZone = "upstream.example."
	zoneText     = `$TTL 300
@      SOA  ns hostmaster 1 3600 600 86400 300
@      NS   ns
ns     A    192.0.2.1
*.host A    192.0.2.10
*.host A    192.0.2.11
*.host AAAA 2001:db8::10
*.host AAAA 2001:db8::11
`
)

const (
	// known is how many questions are asked over and over once they are cached.
	known = 4000
	// unknownPerSecond is how many questions there are to be asked once, for each
	// second of a run: more than any forwarder can ask.
	unknownPerSecond = 100_000
	// warmings is how often what is to be cached is asked for. Once would do, but
	// that CoreDNS, whose cache is full after other runs, makes room by chance.
	warmings = 3
	// maxSeconds is how long a run may take: kubeadm's Corefile caches for 30.
	maxSeconds = 20
)

// forwarding measures the servers that ask another one.
func (b *bench) forwarding(ctx context.Context, servers []string) error {
	b.questions = b.newNames(known)
	upstream, err := b.startUpstream(ctx)
	if err != nil {
		return err
	}
	defer func() {
		b.upstream = nil
		upstream.Process.Kill()
	}()
	defer b.kill()
	if err := b.start(ctx, servers, sources{program: b.program, upstream: upstream.Addr}, b.questions[0]); err != nil {
		return err
	}
	for range 2 { // not cached, and cached
		if err := b.agree(ctx); err != nil {
			return err
		}
	}
	for round := range b.rounds {
		if err := b.round(ctx, round+1, loadHits, loadMisses); err != nil {
			return err
		}
	}
	return nil
}

// startUpstream starts the server that is forwarded to, on the core of the load.
func (b *bench) startUpstream(ctx context.Context) (*peers.Server, error) {
	dir := filepath.Join(b.dir, "upstream")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating a folder: %w", err)
	}
	zone := filepath.Join(dir, "zone")
	if err := os.WriteFile(zone, []byte(zoneText), 0o644); err != nil {
		return nil, fmt.Errorf("writing the upstream's zone: %w", err)
	}
	if err := pin(loadCore); err != nil {
		return nil, err
	}
	var server *peers.Server
	pids, err := started(func() (err error) {
		server, err = peers.Knot(ctx, dir, map[string]string{upstreamZone: zone}, peers.Options{Logf: b.logf})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("starting the upstream: %w", err)
	}
	b.upstream = pids
	return server, nil
}

// newNames returns n questions for names that no earlier ones are for: pairs of A
// and AAAA, but that every eighth is for a name that does not exist.
func (b *bench) newNames(n int) []question {
	questions := make([]question, n)
	for i := range questions {
		parent, typ := "host.", dns.TypeA
		if i%2 == 1 {
			typ = dns.TypeAAAA
		}
		if i%8 == 7 {
			parent = "none."
		}
		questions[i] = question{fmt.Sprintf("n%08d.%s%s", (b.names+i)/2, parent, upstreamZone), typ}
	}
	b.names += n
	return questions
}

// askKnown has a contender keep the replies to questions, and returns those. They
// are new ones for each run, so that none of the replies is old.
func (b *bench) askKnown(ctx context.Context, c *contender) (asked, error) {
	questions := b.newNames(known)
	for range warmings {
		if _, err := askAll(ctx, c, questions); err != nil {
			return asked{}, err
		}
	}
	a := asked{file: filepath.Join(b.dir, loadHits)}
	return a, writeQuestions(a.file, questions)
}

// askUnknown returns questions whose replies no contender has.
func (b *bench) askUnknown() (asked, error) {
	a := asked{file: filepath.Join(b.dir, loadMisses), most: unknownPerSecond * b.seconds}
	return a, writeQuestions(a.file, b.newNames(a.most))
}

// checkUpstream returns an error unless the replies of a run came from where they
// should, which the CPU time tells that the upstream took meanwhile.
func checkUpstream(load string, took time.Duration, replies float64) error {
	const (
		least = time.Microsecond     // for each reply that it gives
		most  = 50 * time.Nanosecond // for each reply that it does not; and its clock's ticks
	)
	switch {
	case load == loadHits && took > max(2*tick, time.Duration(replies*float64(most))):
		return fmt.Errorf("the upstream took %s: not all of %.0f replies were cached", took, replies)
	case load == loadMisses && took < time.Duration(replies*float64(least)):
		return fmt.Errorf("the upstream took %s alone: not all of %.0f replies were its own", took, replies)
	}
	return nil
}

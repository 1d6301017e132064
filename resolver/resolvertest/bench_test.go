package resolvertest_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// ten has ten objects: five workloads, each with its Service.
func ten() []resolvertest.Option {
	return []resolvertest.Option{
		resolvertest.StatefulSet("web", 3, "http=8080"),
		resolvertest.StatefulSet("db", 3, "pg=5432"),
		resolvertest.StatefulSet("prod/queue", 3, "amqp=5672"),
		resolvertest.Deployment("api", 3, "http=8080"),
		resolvertest.Deployment("prod/api", 3, "http=8080"),
	}
}

// firstAnswer starts a Server with ten objects and has it answer a question.
func firstAnswer(t testing.TB) *resolvertest.Server {
	s, err := resolvertest.Start(ten()...)
	if err != nil {
		t.Fatal(err)
	}
	r := dnstest.Ask(t, "udp", s.Addr(), dnstest.Question("web.default.svc.cluster.local.", dns.TypeA))
	if len(r.Answer) != 3 {
		t.Fatalf("not the answer: %v", r)
	}
	return s
}

func BenchmarkFirstAnswer(b *testing.B) {
	for b.Loop() {
		s := firstAnswer(b)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestQuick measures what BenchmarkFirstAnswer does, for the median. It fails only
// far above what it takes, as the machine has other things to do.
func TestQuick(t *testing.T) {
	const most = 100 * time.Millisecond
	var took []time.Duration
	for range 21 {
		began := time.Now()
		s := firstAnswer(t)
		took = append(took, time.Since(began))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("from Start to the first answer: %s (median), %s to %s", median, took[0], took[len(took)-1])
	if median > most {
		t.Errorf("it takes %s from Start to the first answer, want less than %s", median, most)
	}
}

// TestSmall has 200 Servers at once.
func TestSmall(t *testing.T) {
	const servers, most = 200, 200 << 20
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before := used()
	for range servers {
		s := firstAnswer(t)
		defer s.Close()
	}
	took := used() - before
	t.Logf("%d servers take %d MiB", servers, took>>20)
	if took > most {
		t.Errorf("%d servers take %d MiB, want %d at most", servers, took>>20, most>>20)
	}
}

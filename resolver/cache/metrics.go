package cache

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Labels are those that a server block's cache has in the metrics.
type Labels struct {
	Server string // the listener, as "dns://:53"
	Zones  string // those cached, with commas: New takes those of its Config, if there are
	View   string
}

// Metrics are the metrics of all caches of a process. It is a
// prometheus.Collector: counting is cheap, and gathering adds up. Counters go on
// where a Handler takes the place of another with the same labels.
type Metrics struct {
	entries, hits, evictions                   *prometheus.Desc
	requests, misses, prefetches, drops, stale *prometheus.Desc

	mu     sync.Mutex
	blocks []*counters // guarded by mu
}

// NewMetrics registers the metrics with r. They have CoreDNS's names.
func NewMetrics(r prometheus.Registerer) (*Metrics, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("coredns_cache_"+name, help, labels, nil)
	}
	m := &Metrics{
		entries:    desc("entries", "Replies in the cache, by type.", "server", "type", "zones", "view"),
		hits:       desc("hits_total", "Queries answered from the cache, by type.", "server", "type", "zones", "view"),
		evictions:  desc("evictions_total", "Replies that made room for others, by type.", "server", "type", "zones", "view"),
		requests:   desc("requests_total", "Queries that came to the cache.", "server", "zones", "view"),
		misses:     desc("misses_total", "Queries not answered from the cache.", "server", "zones", "view"),
		prefetches: desc("prefetch_total", "Replies that the cache asked for anew in advance, or after serving a stale one.", "server", "zones", "view"),
		drops:      desc("drops_total", "Replies not kept as they are about another name.", "server", "zones", "view"),
		stale:      desc("served_stale_total", "Queries answered by a stale reply.", "server", "zones", "view"),
	}
	if err := r.Register(m); err != nil {
		return nil, err
	}
	return m, nil
}

// counters are those of one set of labels.
type counters struct {
	labels            Labels
	shards            []counterShard
	prefetches, drops atomic.Uint64
	evictions         [2]atomic.Uint64
	handlers          []*Handler // with these labels; guarded by Metrics.mu
}

// counterShard is what one reader of packets has counted, alone on its cache
// lines. Each query counts once.
type counterShard struct {
	hits           [2]atomic.Uint64 // by typeOf
	misses, stales atomic.Uint64
	_              [96]byte
}

// typeNames are the values of the label type, by typeOf.
var typeNames = [2]string{"success", "denial"}

func typeOf(k kind) int {
	if k == answer {
		return 0
	}
	return 1
}

func (c *counters) shard(n uint32) *counterShard { return &c.shards[int(n)%len(c.shards)] }

func (c *counters) hit(shard uint32, k kind) { c.shard(shard).hits[typeOf(k)].Add(1) }
func (c *counters) miss(shard uint32)        { c.shard(shard).misses.Add(1) }
func (c *counters) evict(k kind, n int)      { c.evictions[typeOf(k)].Add(uint64(n)) }

// stale counts a hit that was stale.
func (c *counters) stale(shard uint32, k kind) {
	c.hit(shard, k)
	c.shard(shard).stales.Add(1)
}

// attach returns the counters of some labels for h, and what ends that h's entries
// are counted. A nil Metrics gives counters that nobody reads.
func (m *Metrics) attach(labels Labels, h *Handler) (c *counters, detach func()) {
	if m == nil {
		return newCounters(labels), func() {}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := slices.IndexFunc(m.blocks, func(c *counters) bool { return c.labels == labels })
	if at < 0 {
		at = len(m.blocks)
		m.blocks = append(m.blocks, newCounters(labels))
	}
	c = m.blocks[at]
	c.handlers = append(c.handlers, h)
	return c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		c.handlers = slices.DeleteFunc(c.handlers, func(other *Handler) bool { return other == h })
	}
}

func newCounters(labels Labels) *counters {
	return &counters{labels: labels, shards: make([]counterShard, runtime.GOMAXPROCS(0))}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.entries, m.hits, m.evictions, m.requests, m.misses, m.prefetches, m.drops, m.stale} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.blocks {
		m.collect(c, to)
	}
}

func (m *Metrics) collect(c *counters, to chan<- prometheus.Metric) {
	l := c.labels
	var hits [2]uint64
	var misses, stales uint64
	for i := range c.shards {
		s := &c.shards[i]
		for t := range hits {
			hits[t] += s.hits[t].Load()
		}
		misses += s.misses.Load()
		stales += s.stales.Load()
	}
	var entries [2]int
	for _, h := range c.handlers {
		entries[0] += h.success.len()
		entries[1] += h.denial.len()
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for t, name := range typeNames {
		to <- prometheus.MustNewConstMetric(m.entries, prometheus.GaugeValue, float64(entries[t]), l.Server, name, l.Zones, l.View)
		count(m.hits, hits[t], l.Server, name, l.Zones, l.View)
		count(m.evictions, c.evictions[t].Load(), l.Server, name, l.Zones, l.View)
	}
	count(m.requests, hits[0]+hits[1]+misses, l.Server, l.Zones, l.View)
	count(m.misses, misses, l.Server, l.Zones, l.View)
	count(m.prefetches, c.prefetches.Load(), l.Server, l.Zones, l.View)
	count(m.drops, c.drops.Load(), l.Server, l.Zones, l.View)
	count(m.stale, stales, l.Server, l.Zones, l.View)
}

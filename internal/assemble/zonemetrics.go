package assemble

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dns/rollcall/zone"
)

// zoneCollector gives what there is to know of the zones when it is asked.
type zoneCollector struct {
	zones                          func() []*zone.Zone
	synced, names, serial, skipped *prometheus.Desc
}

func newZoneCollector(zones func() []*zone.Zone) *zoneCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rollcall_zone_"+name, help, labels, nil)
	}
	return &zoneCollector{
		zones:   zones,
		synced:  desc("synced", "1 once the zone was taken in whole, by zone.", "zone"),
		names:   desc("names", "Names in all zones, empty non-terminals included."),
		serial:  desc("serial", "The SOA serial, by zone.", "zone"),
		skipped: desc("names_skipped", "Names left out because they would be longer than 255 octets."),
	}
}

// Describe implements prometheus.Collector.
func (c *zoneCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.synced, c.names, c.serial, c.skipped} {
		to <- d
	}
}

// Collect implements prometheus.Collector. A zone that two server blocks have
// is given once.
func (c *zoneCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	var names, skipped int
	seen := map[zone.Name]bool{}
	for _, z := range c.zones() {
		s := z.Snapshot()
		names += s.Len()
		skipped += z.Skipped()
		for _, apex := range s.Zones() {
			if seen[apex] {
				continue
			}
			seen[apex] = true
			synced := 0.0
			if s.Synced {
				synced = 1
			}
			gauge(c.synced, synced, apex.String())
			gauge(c.serial, float64(s.Serial(apex)), apex.String())
		}
	}
	gauge(c.names, float64(names))
	gauge(c.skipped, float64(skipped))
}

// sourceCollector gives the metrics of the sources that serve. Where there are
// several they have a label with the block's place, as one that is lost must not
// hide behind another that is not. It describes nothing beforehand, as a changed
// Corefile may give a source another place, or the label to one that had none.
type sourceCollector struct {
	current func() *generation // nil before one serves
}

// Describe implements prometheus.Collector.
func (c sourceCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c sourceCollector) Collect(to chan<- prometheus.Metric) {
	g := c.current()
	if g == nil {
		return
	}
	for b, s := range g.sourceOf {
		var metrics prometheus.Collector = s.metrics
		if len(g.sources) > 1 {
			metrics = prometheus.WrapCollectorWith(prometheus.Labels{"source": b.Pos.String()}, metrics)
		}
		metrics.Collect(to)
	}
}

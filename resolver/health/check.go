package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// checkTimeout is when a self-check counts as failed.
	checkTimeout = 3 * time.Second
	// slowCheck is how long one may take before it is logged. Over loopback
	// a healthy process needs less than a thousandth of it.
	slowCheck = time.Second
)

// metrics are CoreDNS's, with its names and buckets.
type metrics struct {
	duration prometheus.Histogram
	failures prometheus.Counter
}

// newMetrics registers the metrics. Two health endpoints of one process share
// them: both say how the process fares.
func newMetrics(reg prometheus.Registerer) (metrics, error) {
	m := metrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        "coredns_health_request_duration_seconds",
			Help:                        "Time that a request of the process to its own health endpoint took.",
			Buckets:                     prometheus.ExponentialBuckets(0.00025, 10, 5), // 0.25 ms to 2.5 s
			NativeHistogramBucketFactor: 1.05,
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "coredns_health_request_failures_total",
			Help: "Requests of the process to its own health endpoint that failed.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	var err error
	if m.duration, err = register(reg, m.duration); err != nil {
		return m, err
	}
	m.failures, err = register(reg, m.failures)
	return m, err
}

// register registers a collector, or returns the equal one that is there.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) (C, error) {
	err := reg.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			return same, nil
		}
	}
	return c, err
}

// selfCheck asks the process' own endpoint at an interval.
type selfCheck struct {
	url      string
	client   *http.Client
	metrics  metrics
	interval time.Duration
	now      func() time.Time
	log      *slog.Logger
}

// newSelfCheck returns the check of the endpoint at an address.
func newSelfCheck(addr net.Addr, m metrics, cfg Config) selfCheck {
	return selfCheck{
		url: "http://" + addr.String() + path,
		client: &http.Client{
			Timeout: checkTimeout,
			// No proxy: the environment's is for others.
			Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialLocal(ctx, addr)
			}},
		},
		metrics: m, interval: cfg.Interval, now: cfg.Now, log: cfg.Logger,
	}
}

// dialLocal connects to an address that this process listens on, over
// loopback if that is any address.
func dialLocal(ctx context.Context, addr net.Addr) (net.Conn, error) {
	var d net.Dialer
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return d.DialContext(ctx, addr.Network(), addr.String())
	}
	v4 := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}
	conn, err := d.DialContext(ctx, "tcp", v4.String())
	if err != nil && tcp.IP.To4() == nil { // a machine without IPv4
		v6 := net.TCPAddr{IP: net.IPv6loopback, Port: tcp.Port}
		return d.DialContext(ctx, "tcp", v6.String())
	}
	return conn, err
}

// run checks until the context is done.
func (c *selfCheck) run(ctx context.Context) {
	defer c.client.CloseIdleConnections()
	tick := time.NewTicker(c.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		start := c.now()
		err := c.once(ctx)
		if ctx.Err() != nil {
			return // the server is going away, which is no failure
		}
		took := c.now().Sub(start)
		c.metrics.duration.Observe(took.Seconds())
		switch {
		case err != nil:
			c.metrics.failures.Inc()
			c.log.Warn("health self-check failed", "url", c.url, "err", err)
		case took > slowCheck:
			c.log.Warn("health self-check is slow: the process is overloaded", "url", c.url, "took", took)
		}
	}
}

// once asks the endpoint once.
func (c *selfCheck) once(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// Read to its end, or the connection could not be used again.
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

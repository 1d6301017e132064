package watch

import (
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/rollcall-dns/rollcall/zone"
)

// serviceKind is the label of the DNS programming latency, as the Kubernetes
// scalability SLI names them.
type serviceKind string

const (
	clusterIP               serviceKind = "cluster_ip"
	headlessWithSelector    serviceKind = "headless_with_selector"
	headlessWithoutSelector serviceKind = "headless_without_selector"
)

// latency measures how long after a change DNS answers by it. It is asked
// after the sink has applied an event of a watch; objects of a list are never
// measured, because when their change happened says nothing of us.
type latency struct {
	now     func() time.Time
	sink    Sink
	metrics *apiMetrics
}

// observe measures one put. before is what the sink held for the key, raw the
// API object that obj was trimmed from.
func (l *latency) observe(before, obj zone.Object, raw any) {
	switch o := obj.(type) {
	case *zone.Service:
		// A ClusterIP Service is answered by itself, from its creation on.
		// creationTimestamp is a whole second, so up to one is added.
		if before == nil && o.Type == zone.ClusterIP && !o.Created.IsZero() {
			l.since(clusterIP, o.Created)
		}
	case *zone.EndpointSlice:
		slice, ok := raw.(*discoveryv1.EndpointSlice)
		if !ok || o.Service == "" {
			return
		}
		// A slice that overtook its Service can't be told headless or not,
		// and is not measured.
		svc, ok := l.sink.Object(zone.Services, zone.Key{Namespace: o.Namespace, Name: o.Service}).(*zone.Service)
		if !ok || svc.Type != zone.Headless {
			return
		}
		prev, _ := before.(*zone.EndpointSlice)
		l.headless(svc, prev, slice)
	}
}

// headless measures a slice of a headless Service. The controller annotates
// the slices it writes with the time of the change that made it write; an
// unchanged annotation tells of nothing new. Slices of a Service without
// selector are written by hand or by another program, which seldom annotates:
// the API server's own note of the last write (managedFields, a whole second)
// stands in, and the creation for a new slice that lacks even that.
func (l *latency) headless(svc *zone.Service, prev *zone.EndpointSlice, slice *discoveryv1.EndpointSlice) {
	kind := headlessWithSelector
	if !svc.HasSelector {
		kind = headlessWithoutSelector
	}
	at := triggered(slice)
	if prev != nil && at.Equal(prev.Triggered) {
		at = time.Time{}
	}
	if at.IsZero() && kind == headlessWithoutSelector {
		for _, f := range slice.ManagedFields {
			if f.Time != nil && f.Time.After(at) {
				at = f.Time.Time
			}
		}
		if at.IsZero() && prev == nil {
			at = slice.CreationTimestamp.Time
		}
	}
	if !at.IsZero() {
		l.since(kind, at)
	}
}

// since observes; a clock behind the API server's counts as no time at all.
func (l *latency) since(kind serviceKind, at time.Time) {
	l.metrics.programming.WithLabelValues(string(kind)).Observe(max(0, l.now().Sub(at).Seconds()))
}

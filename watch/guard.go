package watch

import (
	"errors"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
)

// A guard stands between a watch and its reader, and ends the watch with an
// error event when it stays silent. The API server sends a bookmark about
// every minute, so silence is a dead connection, a proxy that lost its other
// side, or a server whose history is behind the version that is watched from:
// all of them would otherwise stay unnoticed.
type guard struct {
	inner apiwatch.Interface
	out   chan apiwatch.Event
	done  chan struct{}
	once  sync.Once
}

// ResultChan implements watch.Interface.
func (g *guard) ResultChan() <-chan apiwatch.Event { return g.out }

// Stop implements watch.Interface.
func (g *guard) Stop() { g.once.Do(func() { close(g.done) }) }

// guard starts guarding w. initial says that w streams the initial list first.
func (l *listWatch) guard(w apiwatch.Interface, initial bool) apiwatch.Interface {
	g := &guard{inner: w, out: make(chan apiwatch.Event), done: make(chan struct{})}
	go func() {
		defer close(g.out)
		defer w.Stop()
		if err := g.run(l, initial); err != nil {
			select {
			case g.out <- errorEvent(err):
			case <-g.done:
			}
		}
	}()
	return g
}

// run passes events on until the stream or its reader ends. An error is to be
// the reader's last event, and is already noted. Time counts only while the
// server is waited for, not while the reader works.
func (g *guard) run(l *listWatch, initial bool) error {
	limit := l.stall
	if initial {
		limit = l.initial
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		var event apiwatch.Event
		var ok bool
		select {
		case event, ok = <-g.inner.ResultChan():
			if !ok {
				return nil
			}
		case <-timer.C:
			err := errSilent(limit)
			l.store.metrics.stalls.WithLabelValues(l.store.kind.String()).Inc()
			l.failed(err)
			return err
		case <-g.done:
			return nil
		}
		switch {
		case event.Type == apiwatch.Error:
			err := apierrors.FromObject(event.Object)
			l.failed(err)
			return err
		case initial && event.Type == apiwatch.Bookmark:
			// The first bookmark of a streamed list is its end. A server too
			// old to know the option sends ordinary ones.
			if !endsInitial(event) {
				err := errNoStream(l.store.kind.String())
				l.withoutStream(err)
				return err
			}
			initial, limit = false, l.stall
		}
		select {
		case g.out <- event:
		case <-g.done:
			return nil
		}
		timer.Reset(limit)
	}
}

func endsInitial(e apiwatch.Event) bool {
	m, err := meta.Accessor(e.Object)
	return err == nil && m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
}

// errorEvent says err as the API server would say it in a stream.
func errorEvent(err error) apiwatch.Event {
	status := metav1.Status{Status: metav1.StatusFailure, Message: err.Error()}
	var api apierrors.APIStatus
	if errors.As(err, &api) {
		status = api.Status()
	}
	return apiwatch.Event{Type: apiwatch.Error, Object: &status}
}

package watch

import (
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/rollcall-dns/rollcall/zone"
)

// repeatAfter is how long an error that stays the same is not logged again.
const repeatAfter = time.Minute

// A tracker knows how well one kind is known, and says so in metrics and log
// lines: a watch that is lost, or back, is never silent. Safe for concurrent use.
type tracker struct {
	kind    zone.Kind
	log     *slog.Logger
	now     func() time.Time
	metrics *apiMetrics

	mu     sync.Mutex
	status Status
	lostAt time.Time // when connected turned false
	logged map[string]loggedError
}

// loggedError is what was last logged of a verb's failures.
type loggedError struct {
	text string
	at   time.Time
}

// heard notes that the API server said something of the kind.
func (t *tracker) heard(op string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hear(op)
}

func (t *tracker) hear(op string) {
	name := t.kind.String()
	t.status.LastEvent = t.now()
	t.metrics.lastEvent.WithLabelValues(name).Set(float64(t.status.LastEvent.UnixNano()) / 1e9)
	t.metrics.events.WithLabelValues(name, op).Inc()
}

// replaced notes that all objects of the kind were handed over.
func (t *tracker) replaced(objects int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hear("replace")
	if t.status.Synced {
		t.metrics.relists.WithLabelValues(t.kind.String()).Inc()
	} else {
		t.status.Synced = true
		t.metrics.synced.WithLabelValues(t.kind.String()).Set(1)
		t.log.Info("synced", "objects", objects)
	}
	t.connect()
}

// opened notes that a watch from a known version goes on.
func (t *tracker) opened() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connect()
}

func (t *tracker) connect() {
	if t.status.Connected {
		return
	}
	t.status.Connected = true
	t.metrics.connected.WithLabelValues(t.kind.String()).Set(1)
	if !t.lostAt.IsZero() {
		t.log.Info("watch is back", "after", t.now().Sub(t.lostAt).Round(time.Millisecond))
		t.lostAt = time.Time{}
	}
}

// failed notes why nothing is heard. verb is what was asked: list or watch.
func (t *tracker) failed(verb string, err error) {
	// The URL has a random timeout in it, and would make every error new.
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.metrics.errors.WithLabelValues(t.kind.String()).Inc()
	wasConnected := t.status.Connected
	last := t.logged[verb]
	t.status.Connected = false
	t.status.LastError = err
	t.metrics.connected.WithLabelValues(t.kind.String()).Set(0)
	now := t.now()
	if t.lostAt.IsZero() {
		t.lostAt = now
	}
	if !wasConnected && last.text == err.Error() && now.Sub(last.at) < repeatAfter {
		return
	}
	if t.logged == nil {
		t.logged = make(map[string]loggedError)
	}
	t.logged[verb] = loggedError{err.Error(), now}
	switch {
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		t.log.Error("the API server forbids "+verb+" "+t.kind.String()+
			": grant list and watch on it with a ClusterRole and ClusterRoleBinding",
			"verb", verb, "group", resources[t.kind].group.Group, "err", err)
	case apierrors.IsNotFound(err):
		t.log.Error("the API server has no such resource: is its CustomResourceDefinition installed?",
			"verb", verb, "group", resources[t.kind].group.Group, "err", err)
	case wasConnected:
		t.log.Warn("watch lost; answers stay as they were until it is back", "verb", verb, "err", err)
	default:
		t.log.Warn("cannot reach the API server; trying again", "verb", verb, "err", err)
	}
}

// get returns the status.
func (t *tracker) get() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

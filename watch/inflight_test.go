package watch

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// TestKubernetesMaxInflight: watches go on for long, yet hold a place only until
// they are answered.
func TestKubernetesMaxInflight(t *testing.T) {
	for _, tt := range []struct {
		name      string
		max, want int
		reason    string
	}{
		{"unlimited", 0, 3, "0 is no limit: all three kinds ask at once"},
		{"one", 1, 1, "requests wait for one another"},
		{"two", 2, 2, "the third request waits for either"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t)
			api.headless("a")
			g := &gate{next: http.HandlerFunc(api.serve), want: tt.want, full: make(chan struct{}), over: make(chan struct{})}
			api.Close()
			api.Server = httptest.NewServer(g)
			r := start(t, api, KubernetesConfig{MaxInflight: tt.max})
			r.waitSynced(t)
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.peak != tt.want {
				t.Errorf("%d requests in flight at once, want %d; reason: %s", g.peak, tt.want, tt.reason)
			}
		})
	}
}

// gate holds requests back until as many as are wanted are in flight, and then
// for a moment more, in which one too many would come.
type gate struct {
	next       http.Handler
	want       int
	full, over chan struct{} // closed when want are in flight, and when more are

	mu        sync.Mutex
	now, peak int // in flight
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.enter()
	leave := sync.OnceFunc(g.leave)
	defer leave()
	select {
	case <-g.full:
	case <-r.Context().Done():
		return
	}
	select {
	case <-g.over:
	case <-time.After(100 * time.Millisecond):
	}
	g.next.ServeHTTP(&gatedWriter{w, leave}, r)
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	if g.now <= g.peak {
		return
	}
	switch g.peak = g.now; g.peak {
	case g.want:
		close(g.full)
	case g.want + 1:
		close(g.over)
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
}

// gatedWriter lets a request leave before the client can know of it.
type gatedWriter struct {
	http.ResponseWriter
	leave func()
}

func (w *gatedWriter) WriteHeader(code int) {
	w.leave()
	w.ResponseWriter.WriteHeader(code)
}

func (w *gatedWriter) Write(b []byte) (int, error) {
	w.leave()
	return w.ResponseWriter.Write(b)
}

func (w *gatedWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

package assemble_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"sync"
	"testing"
	"time"
)

// cluster speaks as much of list and watch as one Service takes, and one ConfigMap
// that tests change, in ways that a real API server can't be made to show on demand.
type cluster struct {
	*httptest.Server
	ended chan struct{} // closed when the test ends

	mu        sync.Mutex
	version   int
	data      map[string]string // of the ConfigMap; nil if there is none
	changed   chan struct{}     // closed at each change
	lists     map[string]int    // how often resources were listed
	watchers  int               // of the ConfigMap
	forbidden map[string]bool   // resources
	delay     time.Duration     // of each answer about ConfigMaps
}

type object map[string]any

func newCluster(t testing.TB) *cluster {
	c := &cluster{ended: make(chan struct{}), version: 1, changed: make(chan struct{}), lists: map[string]int{}, forbidden: map[string]bool{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() {
		close(c.ended) // whoever watches comes back between the next two lines
		c.CloseClientConnections()
		c.Close()
	})
	return c
}

// set makes the ConfigMap have data; nil deletes it.
func (c *cluster) set(data map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	c.data = data
	close(c.changed)
	c.changed = make(chan struct{})
}

// forbid says whether a resource may be seen.
func (c *cluster) forbid(resource string, forbidden bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forbidden[resource] = forbidden
}

// listed returns how often a resource was listed.
func (c *cluster) listed(resource string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists[resource]
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	resource, q := path.Base(r.URL.Path), r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	c.mu.Lock()
	version, changed, delay := c.version, c.changed, c.delay
	forbidden := c.forbidden[resource]
	if q.Get("watch") == "" {
		c.lists[resource]++
	}
	c.mu.Unlock()
	if resource == "configmaps" {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		case <-c.ended:
			return
		}
	}
	switch {
	case forbidden:
		status(w, http.StatusForbidden, "Forbidden", "you may not")
	case q.Get("sendInitialEvents") == "true":
		status(w, http.StatusUnprocessableEntity, "Invalid", "lists are not streamed here")
	case q.Get("watch") == "":
		send(w, object{
			"kind": kinds[resource] + "List", "apiVersion": group(resource),
			"metadata": object{"resourceVersion": strconv.Itoa(version)}, "items": c.items(resource),
		})
	case resource != "configmaps":
		select {
		case <-r.Context().Done():
		case <-c.ended:
		}
	default:
		from, _ := strconv.Atoi(q.Get("resourceVersion"))
		c.stream(w, r, from, version, changed)
	}
}

// watched returns how many watch the ConfigMap.
func (c *cluster) watched() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watchers
}

func (c *cluster) count(watchers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watchers += watchers
}

// stream tells of changes of the ConfigMap after a version.
func (c *cluster) stream(w http.ResponseWriter, r *http.Request, from, version int, changed chan struct{}) {
	c.count(1)
	defer c.count(-1)
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		if version > from {
			event := object{"type": "DELETED", "object": configMap(nil, version)}
			if items := c.items("configmaps"); len(items) > 0 {
				event = object{"type": "MODIFIED", "object": items[0]}
			}
			send(w, event)
			w.(http.Flusher).Flush()
			from = version
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.ended:
			return
		case <-changed:
		}
		c.mu.Lock()
		version, changed = c.version, c.changed
		c.mu.Unlock()
	}
}

var kinds = map[string]string{"configmaps": "ConfigMap", "services": "Service", "endpointslices": "EndpointSlice", "namespaces": "Namespace"}

func group(resource string) string {
	if resource == "endpointslices" {
		return "discovery.k8s.io/v1"
	}
	return "v1"
}

// items returns what there is of a resource.
func (c *cluster) items(resource string) []object {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case resource == "services":
		return []object{{"metadata": object{"name": "dns", "namespace": "default", "resourceVersion": "1"}, "spec": object{"clusterIP": "127.0.0.1"}}}
	case resource == "configmaps" && c.data != nil:
		return []object{configMap(c.data, c.version)}
	}
	return []object{}
}

func configMap(data map[string]string, version int) object {
	return object{
		"kind": "ConfigMap", "apiVersion": "v1", "data": data,
		"metadata": object{"name": "kube-dns", "namespace": "kube-system", "resourceVersion": strconv.Itoa(version)},
	}
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	send(w, object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

// send writes JSON. A client that is gone does not want it.
func send(w http.ResponseWriter, o object) { _ = json.NewEncoder(w).Encode(o) }

package watch

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fakeAPI speaks as much of list and watch as a reflector hears, and the
// faults that a real API server can't be made to show on demand. It serves
// JSON objects as they are given to it.
type fakeAPI struct {
	*httptest.Server

	mu        sync.Mutex
	version   int
	resources map[string]*fakeResource
	changed   chan struct{} // closed at each change
	streams   []*fakeStream
	requests  []url.Values // with "path" and "agent" and "accept" added

	// The knobs, set with set.
	noStream    bool    // 422 for streamed lists
	ignoreParam bool    // sends what was asked as a streamed list as a plain watch
	noBookmark  bool    // streams the list but never its end
	oldest      int     // watches from before get 410
	faults      []fault // answers for requests to come, each once
}

// fault answers the first request that it matches.
type fault struct {
	verb, resource string
	status         metav1.Status
	header         http.Header
}

type fakeStream struct {
	resource      string
	ended, frozen bool
	queue         []fakeEvent // sent to this stream alone
}

type fakeResource struct {
	objects map[string]fakeObject
	events  []fakeEvent
}

type fakeObject map[string]any

type fakeEvent struct {
	version int
	kind    string
	object  fakeObject
}

func newFakeAPI(t *testing.T) *fakeAPI {
	a := &fakeAPI{version: 100, resources: make(map[string]*fakeResource), changed: make(chan struct{})}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

// set changes the server under its lock and wakes its streams.
func (a *fakeAPI) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	a.wake()
}

func (a *fakeAPI) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *fakeAPI) resource(name string) *fakeResource {
	if a.resources[name] == nil {
		a.resources[name] = &fakeResource{objects: make(map[string]fakeObject)}
	}
	return a.resources[name]
}

// put creates or changes an object: spec has what is beside metadata.
func (a *fakeAPI) put(resource, namespace, name string, spec fakeObject) {
	a.set(func() {
		a.version++
		meta := map[string]any{"name": name, "resourceVersion": strconv.Itoa(a.version)}
		if namespace != "" {
			meta["namespace"] = namespace
		}
		o := fakeObject{"metadata": meta}
		for k, v := range spec {
			if k == "metadata" {
				maps.Copy(meta, v.(map[string]any))
			} else {
				o[k] = v
			}
		}
		o["kind"], o["apiVersion"] = kindOf(resource)
		r, event := a.resource(resource), "ADDED"
		if _, ok := r.objects[namespace+"/"+name]; ok {
			event = "MODIFIED"
		}
		r.objects[namespace+"/"+name] = o
		r.events = append(r.events, fakeEvent{a.version, event, o})
	})
}

func (a *fakeAPI) remove(resource, namespace, name string) {
	a.set(func() {
		a.version++
		r := a.resource(resource)
		o := r.objects[namespace+"/"+name]
		delete(r.objects, namespace+"/"+name)
		r.events = append(r.events, fakeEvent{a.version, "DELETED", o})
	})
}

// headless puts a headless Service.
func (a *fakeAPI) headless(name string) {
	a.put("services", "ns", name, fakeObject{"spec": map[string]any{"clusterIP": "None"}})
}

// cut ends the streams that there are, as a server that goes away does.
func (a *fakeAPI) cut() {
	a.set(func() {
		for _, s := range a.streams {
			s.ended = true
		}
	})
}

// freeze makes the streams that there are silent.
func (a *fakeAPI) freeze() {
	a.set(func() {
		for _, s := range a.streams {
			s.frozen = true
		}
	})
}

// send writes an event into the streams of a resource that there are, and
// into none that comes later.
func (a *fakeAPI) send(resource, kind string, o fakeObject) {
	a.set(func() {
		for _, s := range a.streams {
			if s.resource == resource {
				s.queue = append(s.queue, fakeEvent{a.version, kind, o})
			}
		}
	})
}

// asked returns how often a verb was asked of a resource: list, watch, or
// stream for a watch with the initial list.
func (a *fakeAPI) asked(verb, resource string) (n int) {
	for _, q := range a.queries(resource) {
		if verbOf(q) == verb {
			n++
		}
	}
	return n
}

func (a *fakeAPI) queries(resource string) (out []url.Values) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.requests {
		if strings.HasSuffix(q.Get("path"), "/"+resource) {
			out = append(out, q)
		}
	}
	return out
}

func verbOf(q url.Values) string {
	switch {
	case q.Get("sendInitialEvents") == "true":
		return "stream"
	case q.Get("watch") == "true":
		return "watch"
	}
	return "list"
}

func (a *fakeAPI) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	q.Set("path", r.URL.Path)
	q.Set("agent", r.UserAgent())
	q.Set("accept", r.Header.Get("Accept"))
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	verb := verbOf(q)

	a.mu.Lock()
	a.requests = append(a.requests, q)
	var status *metav1.Status
	for i, f := range a.faults {
		if f.verb == verb && f.resource == name {
			status = &f.status
			maps.Copy(w.Header(), f.header)
			a.faults = slices.Delete(a.faults, i, i+1)
			break
		}
	}
	from, _ := strconv.Atoi(q.Get("resourceVersion"))
	switch {
	case status != nil:
	case verb == "stream" && a.noStream:
		status = &metav1.Status{Code: 422, Reason: metav1.StatusReasonInvalid, Message: "sendInitialEvents is forbidden"}
	case verb == "watch" && from < a.oldest:
		status = &metav1.Status{Code: 410, Reason: metav1.StatusReasonExpired, Message: "too old resource version"}
	}
	if status != nil {
		a.mu.Unlock()
		writeStatus(w, *status)
		return
	}
	if verb == "list" {
		defer a.mu.Unlock()
		a.list(w, a.resource(name), q)
		return
	}
	a.stream(w, r, name, from)
}

func writeStatus(w http.ResponseWriter, s metav1.Status) {
	s.Kind, s.APIVersion, s.Status = "Status", "v1", metav1.StatusFailure
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(s.Code))
	_ = json.NewEncoder(w).Encode(s)
}

// list answers a page; the token is where it goes on.
func (a *fakeAPI) list(w http.ResponseWriter, r *fakeResource, q url.Values) {
	keys := slices.Sorted(maps.Keys(r.objects))
	start, _ := strconv.Atoi(q.Get("continue"))
	end := len(keys)
	if limit, _ := strconv.Atoi(q.Get("limit")); limit > 0 {
		end = min(end, start+limit)
	}
	meta := map[string]any{"resourceVersion": strconv.Itoa(a.version)}
	if end < len(keys) {
		meta["continue"] = strconv.Itoa(end)
	}
	items := []fakeObject{}
	for _, k := range keys[start:end] {
		items = append(items, r.objects[k])
	}
	kind, group := kindOf(q.Get("path"))
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": kind + "List", "apiVersion": group, "metadata": meta, "items": items})
}

// kindOf returns how objects of a resource, or at its path, name their kind.
func kindOf(path string) (kind, group string) {
	name := path[strings.LastIndex(path, "/")+1:]
	for k, r := range resources {
		if k.String() == name {
			return r.kind, r.group.String()
		}
	}
	return "ConfigMap", "v1"
}

// stream writes events until it or its reader ends. It is called with
// the lock held.
func (a *fakeAPI) stream(w http.ResponseWriter, r *http.Request, name string, from int) {
	initial := r.URL.Query().Get("sendInitialEvents") == "true"
	res := a.resource(name)
	next := len(res.events)
	var out []fakeEvent
	if initial {
		for _, k := range slices.Sorted(maps.Keys(res.objects)) {
			out = append(out, fakeEvent{kind: "ADDED", object: res.objects[k]})
		}
		if !a.noBookmark {
			out = append(out, a.bookmark(res, name, !a.ignoreParam))
		}
	} else {
		next = slices.IndexFunc(res.events, func(e fakeEvent) bool { return e.version > from })
		if next < 0 {
			next = len(res.events)
		}
	}
	self := &fakeStream{resource: name}
	a.streams = append(a.streams, self)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	for {
		if !self.frozen {
			out = append(out, res.events[next:]...)
			next = len(res.events)
			out = append(out, self.queue...)
			self.queue = nil
		}
		ended, changed := self.ended, a.changed
		a.mu.Unlock()
		for _, e := range out {
			_ = json.NewEncoder(w).Encode(map[string]any{"type": e.kind, "object": e.object})
		}
		out = nil
		w.(http.Flusher).Flush()
		if ended {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		a.mu.Lock()
	}
}

func (a *fakeAPI) bookmark(_ *fakeResource, name string, end bool) fakeEvent {
	meta := map[string]any{"resourceVersion": strconv.Itoa(a.version)}
	if end {
		meta["annotations"] = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	kind, group := kindOf(name)
	return fakeEvent{kind: "BOOKMARK", object: fakeObject{"kind": kind, "apiVersion": group, "metadata": meta}}
}

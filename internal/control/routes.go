package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/resolver/fault"
)

// route is a method and path, and what they do.
type route struct {
	method, path string
	// body is an empty one of what a request has, nil for none; manifest{} is read as
	// it is.
	body any
	// serve returns what the reply has, nil for nothing.
	serve func(c *assemble.Control, r *http.Request) (any, error)
}

// The bodies of requests. An empty namespace is that of manifests without one.
type (
	manifest struct{} // a manifest's text

	deletion struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
	readiness struct {
		Namespace string `json:"namespace"`
		Pod       string `json:"pod"`
		Ready     *bool  `json:"ready"`
	}
	scale struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Replicas  *int   `json:"replicas"`
	}
	roll struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
	records struct {
		Records string `json:"records"`
	}
)

// errMissing is for a field that has no sensible default.
var errMissing = errors.New("is missing")

// routes returns the whole API.
func routes() []route {
	return []route{
		{"POST", "/v1/apply", manifest{}, func(c *assemble.Control, r *http.Request) (any, error) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, failed{http.StatusBadRequest, err}
			}
			m, err := c.Manifests()
			if err != nil {
				return nil, err
			}
			return nil, m.ApplyText("body", text)
		}},
		{"POST", "/v1/delete", deletion{}, with(func(c *assemble.Control, b deletion) (any, error) {
			m, err := c.Manifests()
			if err != nil {
				return nil, err
			}
			return nil, m.Delete(b.Kind, b.Namespace, b.Name)
		})},
		{"POST", "/v1/ready", readiness{}, with(func(c *assemble.Control, b readiness) (any, error) {
			m, err := c.Manifests()
			switch {
			case b.Ready == nil:
				return nil, fmt.Errorf("ready %w", errMissing)
			case err != nil:
				return nil, err
			}
			return nil, m.SetReady(b.Namespace, b.Pod, *b.Ready)
		})},
		{"POST", "/v1/scale", scale{}, with(func(c *assemble.Control, b scale) (any, error) {
			m, err := c.Manifests()
			switch {
			case b.Replicas == nil:
				return nil, fmt.Errorf("replicas %w", errMissing)
			case err != nil:
				return nil, err
			}
			return nil, m.Scale(b.Namespace, b.Name, *b.Replicas)
		})},
		{"POST", "/v1/roll", roll{}, with(func(c *assemble.Control, b roll) (any, error) {
			m, err := c.Manifests()
			if err != nil {
				return nil, err
			}
			return nil, m.Roll(b.Namespace, b.Name)
		})},
		{"POST", "/v1/records", records{}, with(func(c *assemble.Control, b records) (any, error) {
			return nil, c.Records.Add(b.Records)
		})},
		{"DELETE", "/v1/records", nil, func(c *assemble.Control, _ *http.Request) (any, error) {
			c.Records.Clear()
			return nil, nil
		}},
		{"POST", "/v1/faults", faultBody{}, with(func(c *assemble.Control, b faultBody) (any, error) {
			f, err := b.fault()
			if err != nil {
				return nil, err
			}
			id, err := c.Faults.Set(f)
			return faultID{id}, err
		})},
		{"GET", "/v1/faults", nil, func(c *assemble.Control, _ *http.Request) (any, error) {
			return faultStates(c.Faults.States()), nil
		}},
		{"DELETE", "/v1/faults", nil, func(c *assemble.Control, _ *http.Request) (any, error) {
			c.Faults.Clear()
			return nil, nil
		}},
		{"DELETE", "/v1/faults/{id}", nil, func(c *assemble.Control, r *http.Request) (any, error) {
			id, err := strconv.Atoi(r.PathValue("id"))
			if err != nil || !c.Faults.Clear(id) {
				return nil, failed{http.StatusNotFound, fmt.Errorf("there is no fault %s", r.PathValue("id"))}
			}
			return nil, nil
		}},
		{"GET", "/v1/queries", nil, func(c *assemble.Control, _ *http.Request) (any, error) {
			return queries(c.Queries.Queries()), nil
		}},
		{"DELETE", "/v1/queries", nil, func(c *assemble.Control, _ *http.Request) (any, error) {
			c.Queries.Clear()
			return nil, nil
		}},
	}
}

// failed is an error that has a status.
type failed struct {
	status int
	err    error
}

func (f failed) Error() string { return f.err.Error() }

// Unwrap returns the error.
func (f failed) Unwrap() error { return f.err }

// with reads a body of JSON.
func with[B any](f func(*assemble.Control, B) (any, error)) func(*assemble.Control, *http.Request) (any, error) {
	return func(c *assemble.Control, r *http.Request) (any, error) {
		var b B
		d := json.NewDecoder(r.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&b); err != nil {
			return nil, failed{http.StatusBadRequest, fmt.Errorf("the body: %w", err)}
		}
		if d.More() {
			return nil, failed{http.StatusBadRequest, errors.New("the body: something comes after the object")}
		}
		return f(c, b)
	}
}

// Handler returns the API of c. It is for whoever may do everything: what listens has
// to see to that.
func Handler(c *assemble.Control) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes() {
		mux.HandleFunc(route.method+" "+route.path, func(w http.ResponseWriter, r *http.Request) {
			reply, err := route.serve(c, r)
			switch {
			case err != nil:
				fail(w, statusOf(err), err.Error())
			case reply == nil:
				w.WriteHeader(http.StatusNoContent)
			default:
				write(w, http.StatusOK, reply)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Sprintf("there is no %s %s; docs/control.md has what there is", r.Method, r.URL.Path))
	})
	return mux
}

// statusOf returns the status that an error has: 422 for what is understood and can't
// be done.
func statusOf(err error) int {
	var (
		tooLarge *http.MaxBytesError
		own      failed
	)
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &own):
		return own.status
	case errors.Is(err, errMissing), errors.Is(err, fault.ErrFault):
		return http.StatusBadRequest
	case errors.Is(err, assemble.ErrNotRunning):
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

// failure is the body of a reply that is none.
type failure struct {
	Error string `json:"error"`
}

func fail(w http.ResponseWriter, status int, text string) { write(w, status, failure{text}) }

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error is the client's
}

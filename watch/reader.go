package watch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"

	"github.com/rollcall-dns/rollcall/zone"
)

// A Reader reads a cluster's objects when it is asked for them, with the rights of
// whom the configuration names. It watches nothing.
type Reader struct {
	config    KubernetesConfig
	clients   map[zone.Kind]rest.Interface
	selectors selectors
	trimmer   trimmer
}

// NewReader makes a Reader. It connects to nothing yet. Of the configuration's
// kinds, and of its selectors but to tell what is Hidden, it takes no notice.
func NewReader(c KubernetesConfig) (*Reader, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	c.Kinds, c.Logger = zone.Kinds[:], orDefault(c.Logger)
	r := &Reader{config: c}
	var err error
	if r.selectors, err = parseSelectors(c.Labels, c.NamespaceLabels); err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	m, err := newAPIMetrics(nil)
	if err != nil {
		return nil, err
	}
	r.clients, err = r.config.clients(m)
	return r, err
}

// A Denied is an error of a Reader: RBAC does not let the user.
type Denied struct {
	Verb      string // list or get
	Resource  string // as RBAC has it: endpointslices.discovery.k8s.io
	Namespace string // "" for all, and for what is in none
	Name      string // for get
}

// Error says what may not be read, in kubectl's words.
func (d *Denied) Error() string {
	text := "may not " + d.Verb + " " + d.Resource
	if d.Name != "" {
		text += " " + d.Name
	}
	switch {
	case d.Namespace != "":
		return text + " in namespace " + d.Namespace
	case d.Resource == zone.Namespaces.String():
		return text
	}
	return text + " in all namespaces"
}

// List returns the objects of a kind in a namespace, of all namespaces for "". Its
// error is a *[Denied] where rights are missing. A cluster that does not know the
// kind has none of it.
func (r *Reader) List(ctx context.Context, kind zone.Kind, namespace string) ([]Object, error) {
	return r.list(ctx, kind, namespace, r.request(kind, namespace))
}

// mostSelected is how many objects Select returns at most.
const mostSelected = 100

// Select returns objects of a kind that match a label selector, of all namespaces,
// and no more than 100. Its error is as List's.
func (r *Reader) Select(ctx context.Context, kind zone.Kind, selector labels.Selector) ([]Object, error) {
	return r.list(ctx, kind, "", r.request(kind, "").Param("labelSelector", selector.String()).Param("limit", strconv.Itoa(mostSelected)))
}

func (r *Reader) list(ctx context.Context, kind zone.Kind, namespace string, request *rest.Request) ([]Object, error) {
	list := resources[kind].list()
	err := request.Do(r.config.quiet(ctx)).Into(list)
	if apierrors.IsNotFound(err) && kind == zone.ServiceImports {
		return nil, nil
	}
	if err != nil {
		return nil, r.failed(ctx, err, Denied{"list", r.resource(kind), namespace, ""})
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, fmt.Errorf("list of %s: %w", kind, err)
	}
	out := make([]Object, 0, len(items))
	for _, item := range items {
		o, err := r.selectors.object(&r.trimmer, item)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// Get returns an object, and false if there is none. Its error is as List's.
func (r *Reader) Get(ctx context.Context, kind zone.Kind, key zone.Key) (Object, bool, error) {
	whole := resources[kind].object()
	err := r.request(kind, key.Namespace).Name(key.Name).Do(r.config.quiet(ctx)).Into(whole)
	switch {
	case apierrors.IsNotFound(err):
		return Object{}, false, nil
	case err != nil:
		return Object{}, false, r.failed(ctx, err, Denied{"get", r.resource(kind), key.Namespace, key.Name})
	}
	o, err := r.selectors.object(&r.trimmer, whole)
	return o, err == nil, err
}

func (r *Reader) request(kind zone.Kind, namespace string) *rest.Request {
	req := r.clients[kind].Get().Resource(kind.String())
	if namespace != "" {
		req = req.Namespace(namespace)
	}
	return req
}

// resource returns a kind's resource as RBAC and kubectl spell it.
func (r *Reader) resource(kind zone.Kind) string {
	if g := resources[kind].group.Group; g != "" {
		return kind.String() + "." + g
	}
	return kind.String()
}

// failed returns why a request failed.
func (r *Reader) failed(ctx context.Context, err error, d Denied) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if apierrors.IsForbidden(err) {
		return &d
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // the URL has nothing to say
	}
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("the API server does not know the user of the kubeconfig: %w", err)
	}
	return fmt.Errorf("%s %s: %w", d.Verb, d.Resource, err)
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/rollcall-dns/rollcall/zone"
)

// The client's own limits where the configuration names none. Streams need
// few requests; only a paged list of a large cluster comes near them.
const (
	defaultQPS   = 20
	defaultBurst = 40
)

// protobuf is the content type that the core API groups are read in. Custom
// resources know only JSON.
const protobuf = "application/vnd.kubernetes.protobuf"

// RESTConfig finds the cluster: the one the configuration names, else the one
// that we run in. It connects to nothing.
func (c *KubernetesConfig) RESTConfig() (*rest.Config, error) {
	switch {
	case c.inCluster():
		rc, err := rest.InClusterConfig()
		if errors.Is(err, rest.ErrNotInCluster) {
			return nil, errors.New("no cluster is named and this is not a pod: name a kubeconfig, an endpoint or manifests")
		}
		return rc, err
	case c.Kubeconfig == "" && c.Endpoint != "":
		return &rest.Config{
			Host:            c.Endpoint,
			TLSClientConfig: rest.TLSClientConfig{CertFile: c.CertFile, KeyFile: c.KeyFile, CAFile: c.CAFile},
		}, nil
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig}
	if files := filepath.SplitList(c.Kubeconfig); len(files) > 1 {
		rules = &clientcmd.ClientConfigLoadingRules{Precedence: files}
	} else if c.Kubeconfig == "" {
		rules = clientcmd.NewDefaultClientConfigLoadingRules()
	}
	rc, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.Context}).ClientConfig()
	return rc, c.kubeconfigError(err)
}

// Check says what is wrong with the configuration and the files that it names, as
// far as can be told without connecting. Of the cluster that we run in, which is
// another one where we don't run yet, it says nothing.
func (c *KubernetesConfig) Check() error {
	if err := c.Validate(); err != nil || c.inCluster() {
		return err
	}
	rc, err := c.RESTConfig()
	if err != nil {
		return err
	}
	if _, err = newLimiter(c, rc.Host, nil); err == nil {
		_, err = rest.TLSConfigFor(rc)
	}
	return c.kubeconfigError(err)
}

// inCluster reports whether the cluster is the one that we run in.
func (c *KubernetesConfig) inCluster() bool {
	return c.Kubeconfig == "" && c.Context == "" && c.Endpoint == ""
}

// kubeconfigError says an error of client-go in a few words: its own advise
// variables that are not read here, and name Go's types.
func (c *KubernetesConfig) kubeconfigError(err error) error {
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case clientcmd.IsEmptyConfig(err) && c.Kubeconfig == "":
		return errors.New("no kubeconfig names a cluster")
	case clientcmd.IsEmptyConfig(err):
		return fmt.Errorf("%s: not a kubeconfig: it names no cluster", c.Kubeconfig)
	case c.Kubeconfig == "":
		return err
	case errors.As(err, &path) && path.Path == c.Kubeconfig:
		return fmt.Errorf("%s: %w", c.Kubeconfig, path.Err)
	}
	if strings.Contains(err.Error(), "error loading config file") {
		return fmt.Errorf("%s: not a kubeconfig: it is no YAML or JSON of kind Config", c.Kubeconfig)
	}
	return fmt.Errorf("%s: %w", c.Kubeconfig, err)
}

// base returns what clients share: their configuration, and one connection, with one
// rate limit and one limit of requests in flight.
func (c *KubernetesConfig) base(m *apiMetrics) (*rest.Config, *http.Client, error) {
	base, err := c.RESTConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("kubernetes client: %w", err)
	}
	base.UserAgent = "rollcall/" + c.Version
	base.WarningHandlerWithContext = rest.NoWarnings{}
	limit, err := newLimiter(c, base.Host, m)
	if err != nil {
		return nil, nil, fmt.Errorf("kubernetes client: %w", err)
	}
	base.RateLimiter = limit
	base.Wrap(func(next http.RoundTripper) http.RoundTripper {
		t := &transport{next: next, metrics: m}
		if c.MaxInflight > 0 {
			t.inflight = make(chan struct{}, c.MaxInflight)
		}
		return t
	})
	shared, err := rest.HTTPClientFor(base)
	if err != nil {
		return nil, nil, fmt.Errorf("kubernetes client: %w", err)
	}
	return base, shared, nil
}

// clients returns a client for each kind.
func (c *KubernetesConfig) clients(m *apiMetrics) (map[zone.Kind]rest.Interface, error) {
	base, shared, err := c.base(m)
	if err != nil {
		return nil, err
	}
	codecs := serializer.NewCodecFactory(newScheme()).WithoutConversion()
	byGroup := make(map[schema.GroupVersion]rest.Interface)
	out := make(map[zone.Kind]rest.Interface)
	for _, k := range watched(c.Kinds) {
		g := resources[k].group
		if byGroup[g] == nil {
			if byGroup[g], err = groupClient(base, g, codecs, shared); err != nil {
				return nil, fmt.Errorf("kubernetes client for %s: %w", g, err)
			}
		}
		out[k] = byGroup[g]
	}
	return out, nil
}

func groupClient(base *rest.Config, g schema.GroupVersion, codecs runtime.NegotiatedSerializer, shared *http.Client) (rest.Interface, error) {
	rc := rest.CopyConfig(base)
	rc.GroupVersion = &g
	rc.NegotiatedSerializer = codecs
	rc.APIPath = "/apis"
	if g.Group == "" {
		rc.APIPath = "/api"
	}
	rc.ContentType = protobuf
	rc.AcceptContentTypes = protobuf + ",application/json"
	if g == importGroup {
		rc.ContentType, rc.AcceptContentTypes = "application/json", "application/json"
	}
	return rest.RESTClientForConfigAndClient(rc, shared)
}

// transport counts requests, and lets only so many wait for their answer. A
// watch counts until its first byte: it would hold its place forever.
type transport struct {
	next     http.RoundTripper
	metrics  *apiMetrics
	inflight chan struct{} // nil for no limit
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.inflight != nil {
		select {
		case t.inflight <- struct{}{}:
			defer func() { <-t.inflight }()
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	resp, err := t.next.RoundTrip(r)
	code := "<error>" // as client-go's own metric says it
	if err == nil {
		code = strconv.Itoa(resp.StatusCode)
	}
	t.metrics.requests.WithLabelValues(code, r.Method, r.URL.Host).Inc()
	return resp, err
}

// WrappedRoundTripper lets client-go find the transport below this one.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// limiter is client-go's rate limiter, measured.
type limiter struct {
	flowcontrol.RateLimiter
	host    string
	metrics *apiMetrics
}

func newLimiter(c *KubernetesConfig, base string, m *apiMetrics) (flowcontrol.RateLimiter, error) {
	u, _, err := rest.DefaultServerURL(base, "", schema.GroupVersion{}, true)
	if err != nil {
		return nil, fmt.Errorf("API server %q: %w", base, err)
	}
	qps, burst := c.QPS, c.Burst
	if qps == 0 {
		qps = defaultQPS
	}
	if burst == 0 {
		burst = defaultBurst
	}
	return &limiter{flowcontrol.NewTokenBucketRateLimiter(qps, burst), u.Host, m}, nil
}

// Wait implements flowcontrol.RateLimiter. It is asked for lists alone: client-go
// does not throttle watches, whose rate is that of the reflector's backoff.
func (l *limiter) Wait(ctx context.Context) error {
	start := time.Now()
	err := l.RateLimiter.Wait(ctx)
	l.metrics.limiterDuration.WithLabelValues(http.MethodGet, l.host).Observe(time.Since(start).Seconds())
	return err
}

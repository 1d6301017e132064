package watch

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// pageSize is how many objects a list asks for at once. A page is trimmed
// before the next is asked for.
const pageSize = 500

// A listWatch is how a reflector reaches the API server for one kind. It pages
// lists itself, guards each watch against silence, and tells the tracker what
// the reflector would keep to itself.
type listWatch struct {
	resource
	client  rest.Interface
	labels  string
	store   *store
	stall   time.Duration // how long a watch may be silent
	initial time.Duration // how long it may be while it streams the initial list

	// noStream is set when the server turned out not to stream lists. It is
	// not asked again: lists cost it more, but they are right.
	noStream atomic.Bool
}

var (
	_ cache.ListerWatcher            = (*listWatch)(nil)
	_ cache.ListerWatcherWithContext = (*listWatch)(nil)
)

// List implements cache.Lister; reflectors call ListWithContext.
func (l *listWatch) List(opts metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), opts)
}

// Watch implements cache.Watcher; reflectors call WatchWithContext.
func (l *listWatch) Watch(opts metav1.ListOptions) (apiwatch.Interface, error) {
	return l.WatchWithContext(context.Background(), opts)
}

// ListWithContext lists everything, page by page. It is what is left when the
// server does not stream. The reflector's wish to be answered from the
// server's cache is not followed: the cache of an older server ignores the
// limit, and the whole list would be in memory at once. What etcd has is never
// older than what the reflector asks for.
func (l *listWatch) ListWithContext(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
	out, err := l.pages(ctx, pageSize)
	if isExpired(err) {
		// The pages took longer than the server keeps history (5 minutes by
		// default). Whole, then.
		out, err = l.pages(ctx, 0)
	}
	if err != nil {
		if ctx.Err() == nil {
			l.store.track.failed("list", err)
		}
		return nil, err
	}
	return out, nil
}

func (l *listWatch) pages(ctx context.Context, limit int64) (*trimmedList, error) {
	out := new(trimmedList)
	opts := metav1.ListOptions{Limit: limit}
	for {
		page, err := l.page(ctx, opts)
		if err != nil {
			return nil, err
		}
		err = meta.EachListItem(page, func(o runtime.Object) error {
			if obj := l.store.trimmed(o); obj != nil {
				out.Items = append(out.Items, &listed{obj})
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read a page of %s: %w", l.store.kind, err)
		}
		m, err := meta.ListAccessor(page)
		if err != nil {
			return nil, fmt.Errorf("read a page of %s: %w", l.store.kind, err)
		}
		out.ResourceVersion = m.GetResourceVersion()
		if opts.Continue = m.GetContinue(); opts.Continue == "" {
			return out, nil
		}
	}
}

// page asks for one page. An answer that takes longer than a watch may be
// silent is not coming.
func (l *listWatch) page(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, l.stall)
	defer cancel()
	start := time.Now()
	req := l.request(opts)
	host := req.URL().Host
	page := l.list()
	err := req.Do(ctx).Into(page)
	l.store.metrics.requestDuration.WithLabelValues(http.MethodGet, host).Observe(time.Since(start).Seconds())
	return page, err
}

// WatchWithContext opens a watch. It may stream the initial list.
func (l *listWatch) WatchWithContext(ctx context.Context, opts metav1.ListOptions) (apiwatch.Interface, error) {
	initial := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	if initial && l.noStream.Load() {
		return nil, errNoStream(l.store.kind.String())
	}
	opts.Watch = true
	w, err := l.open(ctx, opts)
	if err != nil {
		switch {
		case ctx.Err() != nil:
		case initial && apierrors.IsInvalid(err):
			l.withoutStream(err)
		default:
			l.failed(err)
		}
		return nil, err
	}
	if !initial {
		l.store.track.opened()
	}
	return l.guard(w, initial), nil
}

// open bounds the wait for the answer's header, but not the stream after it.
func (l *listWatch) open(ctx context.Context, opts metav1.ListOptions) (apiwatch.Interface, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(l.stall, func() { cancel(errSilent(l.stall)) })
	w, err := l.request(opts).Watch(ctx)
	if !timer.Stop() && err == nil {
		// It answered in the moment that it was given up.
		w.Stop()
		err = context.Cause(ctx)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	return &cancelWatch{w, cancel}, nil
}

// cancelWatch ends the request with the watch.
type cancelWatch struct {
	apiwatch.Interface
	cancel context.CancelCauseFunc
}

// Stop implements watch.Interface.
func (w *cancelWatch) Stop() {
	w.Interface.Stop()
	w.cancel(nil)
}

func (l *listWatch) request(opts metav1.ListOptions) *rest.Request {
	opts.LabelSelector = l.labels
	opts.FieldSelector = l.fields
	return l.client.Get().Resource(l.store.kind.String()).
		SpecificallyVersionedParams(&opts, metav1.ParameterCodec, schema.GroupVersion{Version: "v1"})
}

// failed notes an error of a watch, and whether it means that the server's
// history is behind ours.
func (l *listWatch) failed(err error) {
	if apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		l.store.reset.Store(true)
	}
	l.store.track.failed("watch", err)
}

// withoutStream notes that the server does not stream lists.
func (l *listWatch) withoutStream(why error) {
	if l.noStream.CompareAndSwap(false, true) {
		l.store.log.Info("the API server does not stream lists; listing in pages", "err", why)
	}
}

func isExpired(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}

// errNoStream stands for the server's answer when it is known already.
func errNoStream(resource string) error {
	return apierrors.NewBadRequest("the API server does not stream lists of " + resource)
}

// errSilent says that a watch was given up. A reflector lists anew after it,
// which is what finds out whatever went unheard; it must not be taken for
// retriable with what was known (connection refused, 429).
func errSilent(after time.Duration) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status:  metav1.StatusFailure,
		Code:    http.StatusGatewayTimeout,
		Reason:  metav1.StatusReasonTimeout,
		Message: fmt.Sprintf("watch was silent for %v: no event, no bookmark", after),
	}}
}

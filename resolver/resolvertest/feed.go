package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	manifests "github.com/rollcall-dns/rollcall/watch"
)

// Resource is how a clientset of client-go, a fake one too, gives access to the objects
// of one kind: client.CoreV1().Services("") is one.
type Resource[List runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (List, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// Follow has the objects of a clientset's resource, as they change there:
//
//	resolvertest.Follow(client.CoreV1().Services(""))
//
// Several are several options: those of Services, and of what their pods come from.
// The controllers are played for them, so that StatefulSets in a fake clientset have
// pods. What is there when the Server starts is there from the first question; a
// change shows soon after the clientset's method returned, and not when it does. A
// change that is refused ends the following, with an error in the log.
func Follow[List runtime.Object](r Resource[List]) Option {
	return func(c *config) {
		c.feeds = append(c.feeds, func(ctx context.Context, to sink, ready func()) error {
			f := follower[List]{from: r, to: to, known: map[reference]struct{}{}}
			for {
				if err := f.follow(ctx, ready); err != nil || ctx.Err() != nil {
					return err
				}
				select {
				case <-ctx.Done():
				case <-time.After(again):
				}
			}
		})
	}
}

// again is how long after its end a watch is begun anew.
const again = 10 * time.Millisecond

// feed has objects from elsewhere applied and deleted, as they change. It calls ready
// once it has applied what there is, and returns when ctx ends.
type feed func(ctx context.Context, to sink, ready func()) error

// sink is what a feed changes: the Server's objects. To delete what is not there is
// an error.
type sink interface {
	Apply(objects ...runtime.Object) error
	Delete(kind, namespace, name string) error
}

// follow has a feed run, and waits until it is ready.
func (s *Server) follow(ctx context.Context, f feed) error {
	ready := make(chan struct{})
	failed := make(chan error, 1)
	s.feeds.Go(func() {
		err := f(ctx, s.objects, sync.OnceFunc(func() { close(ready) }))
		failed <- err
		if err != nil && ctx.Err() == nil {
			s.log.Error("a resource is not followed any more; its objects stay as they are", "err", err)
		}
	})
	select {
	case <-ready:
		return nil
	case err := <-failed:
		return fmt.Errorf("following a resource: %w", err)
	}
}

// follower is what Follow does.
type follower[List runtime.Object] struct {
	from  Resource[List]
	to    sink
	known map[reference]struct{} // what was applied
}

// reference names an object.
type reference struct{ kind, namespace, name string }

func referenceTo(o runtime.Object) (reference, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return reference{}, err
	}
	kind := o.GetObjectKind().GroupVersionKind().Kind
	if kind == "" { // as typed clients leave it
		kind = reflect.Indirect(reflect.ValueOf(o)).Type().Name()
	}
	return reference{kind, m.GetNamespace(), m.GetName()}, nil
}

// follow applies all objects, and then what changes, until the watch or ctx ends.
func (f *follower[List]) follow(ctx context.Context, ready func()) error {
	// Watched before it is listed: fake clientsets have no versions to watch from.
	w, err := f.from.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer w.Stop()
	list, err := f.from.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	objects, err := meta.ExtractList(list)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if err := f.replace(objects); err != nil {
		return err
	}
	ready()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.ResultChan():
			if !ok {
				return nil // it is watched anew
			}
			err := f.change(e)
			if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
				return nil // it is watched anew, from what there is now
			}
			if err != nil {
				return err
			}
		}
	}
}

// replace makes objects all that there are.
func (f *follower[List]) replace(objects []runtime.Object) error {
	now := map[reference]struct{}{}
	for _, o := range objects {
		ref, err := referenceTo(o)
		if err != nil {
			return err
		}
		now[ref] = struct{}{}
	}
	for ref := range f.known {
		if _, ok := now[ref]; !ok {
			if err := f.remove(ref); err != nil {
				return err
			}
		}
	}
	f.known = now
	if len(objects) == 0 {
		return nil
	}
	return f.to.Apply(objects...)
}

func (f *follower[List]) change(e watch.Event) error {
	switch e.Type {
	case watch.Bookmark:
		return nil
	case watch.Error:
		return fmt.Errorf("watch: %w", apierrors.FromObject(e.Object))
	}
	ref, err := referenceTo(e.Object)
	if err != nil {
		return err
	}
	if e.Type == watch.Deleted {
		return f.remove(ref)
	}
	f.known[ref] = struct{}{}
	return f.to.Apply(e.Object)
}

// remove deletes an object that was applied; of others it is heard twice.
func (f *follower[List]) remove(ref reference) error {
	if _, ok := f.known[ref]; !ok {
		return nil
	}
	delete(f.known, ref)
	err := f.to.Delete(ref.kind, ref.namespace, ref.name)
	if errors.Is(err, manifests.ErrNoObject) {
		return nil // a verb has deleted it already
	}
	return err
}

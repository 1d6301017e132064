package watch

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// How long the files must be quiet before they are read again, and how long
// at most a change waits for that.
const (
	quiet   = 50 * time.Millisecond
	maxWait = time.Second
)

// A follower tells when files may have changed. It watches folders, never
// files: editors and ConfigMap mounts put another file in the old one's place.
type follower struct {
	notify *fsnotify.Watcher // nil if nothing is or can be followed
	log    *slog.Logger
	whole  []string // folders in which any manifest counts
	named  []string // single paths that count, links resolved too
	failed bool     // the last load failed: other permissions may mend it
}

// newFollower starts following nothing. Where the system gives no watch, the
// manifests stay as first read, which is logged.
func (m *Manifests) newFollower() *follower {
	f := &follower{log: m.log}
	if m.config.Once || !slices.ContainsFunc(m.config.Paths, func(p string) bool { return p != stdinPath }) {
		return f
	}
	var err error
	if f.notify, err = fsnotify.NewWatcher(); err != nil {
		f.log.Error("changes of manifests can't be followed", "err", err)
	}
	return f
}

func (f *follower) close() {
	if f.notify != nil {
		_ = f.notify.Close()
	}
}

// add follows what set names, and reports whether any of it was not followed
// before, and so may have changed unseen.
func (f *follower) add(set *fileSet) (changed bool) {
	if f.notify == nil {
		return false
	}
	f.whole = set.dirs
	f.named = f.named[:0]
	var dirs []string
	for _, p := range set.named {
		f.named = append(f.named, p)
		dirs = append(dirs, filepath.Dir(p))
		if real, err := filepath.EvalSymlinks(p); err == nil && real != p {
			f.named = append(f.named, real)
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	before := f.notify.WatchList()
	for _, dir := range append(dirs, set.dirs...) {
		dir = filepath.Clean(dir)
		if slices.Contains(before, dir) {
			continue
		}
		if err := f.notify.Add(dir); err != nil {
			f.log.Error("changes of manifests can't be followed", "folder", dir, "err", err)
			continue
		}
		changed = true
	}
	return changed
}

// wait waits for a change, and then until the files are quiet. It returns
// false when ctx ends first.
func (f *follower) wait(ctx context.Context) bool {
	if f.notify == nil {
		<-ctx.Done()
		return false
	}
	// Nothing is pending while there is no deadline.
	var quietAt, latest <-chan time.Time
	for {
		select {
		case e, ok := <-f.notify.Events:
			if !ok {
				return false
			}
			if !f.counts(e) {
				continue
			}
			quietAt = time.After(quiet)
			if latest == nil {
				latest = time.After(maxWait)
			}
		case err, ok := <-f.notify.Errors:
			if !ok {
				return false
			}
			// Events were lost, perhaps.
			f.log.Warn("following manifests", "err", err)
			return true
		case <-quietAt:
			return true
		case <-latest:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// counts reports whether an event can mean a change of what is read.
func (f *follower) counts(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod && !f.failed {
		return false
	}
	name := filepath.Clean(e.Name)
	base := filepath.Base(name)
	// A ConfigMap mount swaps the link ..data, and with it all files.
	if strings.HasPrefix(base, "..") || slices.Contains(f.named, name) {
		return true
	}
	if strings.HasPrefix(base, ".") || !slices.Contains(f.whole, filepath.Dir(name)) {
		return false
	}
	// Of a name that is no manifest's only coming and going matters: it may
	// be a folder.
	return isManifest(base) || !e.Op.Has(fsnotify.Write)
}

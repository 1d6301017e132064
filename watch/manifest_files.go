package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdinPath is the path that means standard input, and stdinName how errors
// call it.
const (
	stdinPath = "-"
	stdinName = "<stdin>"
)

// A manifestFile is a file to read.
type manifestFile struct {
	path string // "-" for standard input
	name string // for errors
	root string // the path of the configuration that led to it
}

// A fileSet is the files that paths lead to, and the folders in which a change
// can change what is read.
type fileSet struct {
	files []manifestFile
	dirs  []string // folders read whole
	named []string // files and folders that the configuration names
	// shared has the paths of the configuration that lead to a file which
	// another led to before.
	shared map[string]bool
}

// find follows the paths. Files are in the order of the paths, and in a folder
// in that of their names; one that two paths lead to is read once.
func find(ctx context.Context, paths []string) (*fileSet, error) {
	set := &fileSet{shared: make(map[string]bool)}
	w := walker{set: set, seen: make(map[string]bool)}
	var errs []error
	for _, p := range paths {
		if p == stdinPath {
			set.files = append(set.files, manifestFile{stdinPath, stdinName, stdinPath})
			continue
		}
		w.root, p = p, filepath.Clean(p)
		set.named = append(set.named, p)
		info, err := os.Stat(p)
		switch {
		case err != nil:
			errs = append(errs, err)
		case info.IsDir():
			errs = append(errs, w.dir(ctx, p))
		default:
			w.file(p)
		}
	}
	return set, errors.Join(errs...)
}

type walker struct {
	set  *fileSet
	seen map[string]bool // by path without symbolic links
	root string          // the path of the configuration that is followed
}

// first reports whether a file or folder was not met under another name yet,
// which also ends loops of symbolic links.
func (w *walker) first(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	if w.seen[real] {
		w.set.shared[w.root] = true
		return false
	}
	w.seen[real] = true
	return true
}

func (w *walker) file(path string) {
	if w.first(path) {
		w.set.files = append(w.set.files, manifestFile{path, path, w.root})
	}
}

// dir reads a folder. Symbolic links are followed: a mounted ConfigMap has
// nothing but links into a hidden folder that is swapped at each change.
func (w *walker) dir(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !w.first(path) {
		return nil
	}
	w.set.dirs = append(w.set.dirs, path)
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		sub := filepath.Join(path, e.Name())
		info, err := os.Stat(sub)
		switch {
		case errors.Is(err, os.ErrNotExist):
			// A link to nowhere, or gone since: an editor's lock, say.
		case err != nil:
			errs = append(errs, err)
		case info.IsDir():
			errs = append(errs, w.dir(ctx, sub))
		case info.Mode().IsRegular() && isManifest(sub):
			w.file(sub)
		}
	}
	return errors.Join(errs...)
}

// isManifest says by a file's name whether a folder's manifest is in it.
func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// read decodes all files, and returns what to watch even beside an error.
// Entries get fingerprints if they are to be kept. The lock is held.
func (m *Manifests) read(ctx context.Context, keep bool) (*layer, *fileSet, error) {
	files, err := find(ctx, m.config.Paths)
	errs := []error{err}
	d := newManifestDecoder(m)
	d.marked = keep
	for _, f := range files.files {
		if ctx.Err() != nil {
			return nil, files, ctx.Err()
		}
		data, err := m.content(f)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.file(f.name, data)
	}
	if m.sink != nil {
		errs = append(errs, d.layer.emptied(m.files))
	}
	if err := errors.Join(append(errs, d.errs...)...); err != nil {
		return nil, files, err
	}
	return d.layer, files, nil
}

// adviseEmpty warns of paths that lead to no object at the start: a wrong
// folder, perhaps.
func (m *Manifests) adviseEmpty(files *fileSet, base *layer) {
	objects := make(map[string]int)
	for _, f := range files.files {
		objects[f.root] += base.files[f.name].objects
	}
	for _, p := range m.config.Paths {
		switch {
		case objects[p] > 0 || files.shared[p]:
		case p == stdinPath:
			m.warn("standard input has no object that DNS reads")
		default:
			m.warn("%s has no object that DNS reads (in a folder, files named *.yaml, *.yml and *.json count)", p)
		}
	}
}

func (m *Manifests) content(f manifestFile) ([]byte, error) {
	if f.path != stdinPath {
		return os.ReadFile(f.path)
	}
	if m.stdin == nil {
		data, err := io.ReadAll(m.config.Stdin)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		m.stdin = append([]byte{}, data...)
	}
	return m.stdin, nil
}

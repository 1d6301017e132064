package forward

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maxFile is the size in octets of the largest file of upstreams.
const maxFile = 64 << 10

// files are the files that targets name. It belongs to one goroutine.
type files struct {
	root string
	seen map[string]os.FileInfo // as last read, by path
}

// any reports whether there are files.
func (f *files) any() bool { return len(f.seen) > 0 }

// path returns where a target's file is.
func (f *files) path(name string) string {
	if f.root == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.root, name)
}

// expand returns the targets with the servers that files list in their place,
// each once. That there are none, or too many, is an error.
func (f *files) expand(targets []Target) ([]Target, error) {
	var list []Target
	f.seen = map[string]os.FileInfo{}
	for _, t := range targets {
		found := []Target{t}
		if t.File != "" {
			var err error
			if found, err = f.read(f.path(t.File)); err != nil {
				return nil, err
			}
		}
		for _, t := range found {
			if !slices.ContainsFunc(list, func(have Target) bool { return have.Addr == t.Addr && have.Protocol == t.Protocol }) {
				list = append(list, t)
			}
		}
	}
	switch {
	case len(list) == 0:
		return nil, errors.New("no upstream is left: the files list no nameserver")
	case len(list) > maxTargets:
		return nil, fmt.Errorf("%d upstreams, %d are allowed", len(list), maxTargets)
	}
	return list, nil
}

// read reads a file in the format of resolv.conf: its nameserver lines. What they
// hold that is no address is passed over, as resolvers do.
func (f *files) read(path string) ([]Target, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("file of upstreams: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("file of upstreams: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("file of upstreams %s: not a regular file of at most %d bytes", path, maxFile)
	}
	f.seen[path] = info
	var list []Target
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(words[1]); err == nil {
			list = append(list, Target{Addr: netip.AddrPortFrom(addr, Plain.port())})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("file of upstreams %s: %w", path, err)
	}
	return list, nil
}

// changed reports whether any file is not what was read.
func (f *files) changed() bool {
	for path, old := range f.seen {
		info, err := os.Stat(path)
		if err != nil || !os.SameFile(info, old) || info.Size() != old.Size() || !info.ModTime().Equal(old.ModTime()) {
			return true
		}
	}
	return false
}

// watch reads the files again when they change, until Close. While they can't be
// read, or list nothing, the upstreams stay.
func (h *Handler) watch(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := "" // the error that was logged last
	for {
		select {
		case <-h.stop:
			return
		case <-tick.C:
		}
		if !h.files.changed() {
			continue
		}
		next := files{root: h.files.root}
		targets, err := next.expand(h.config.To)
		if err != nil {
			if err.Error() != told {
				told = err.Error()
				h.log.Warn("upstreams stay as they are", "handler", Name, "err", err)
			}
			continue
		}
		h.files, told = next, ""
		h.setUpstreams(targets)
		h.log.Info("upstreams read again", "handler", Name, "upstreams", fmt.Sprint(*h.upstreams.Load()))
	}
}

// setUpstreams makes targets the upstreams. Those that stay keep their state and
// their connections.
func (h *Handler) setUpstreams(targets []Target) {
	var old []*upstream
	if p := h.upstreams.Load(); p != nil {
		old = *p
	}
	var list []*upstream
	for _, t := range targets {
		i := slices.IndexFunc(old, func(u *upstream) bool { return u.Target == t })
		if i >= 0 {
			list = append(list, old[i])
		} else {
			list = append(list, h.newUpstream(t))
		}
	}
	h.upstreams.Store(&list)
	for _, u := range old {
		if !slices.Contains(list, u) {
			u.close()
		}
	}
}

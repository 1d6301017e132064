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

	"github.com/rollcall-dns/rollcall/zone"
)

// maxFile is the size in octets of the largest file of upstreams.
const maxFile = 64 << 10

// How often it is looked whether files and names stand for other servers.
const (
	pollFiles = 3 * time.Second
	pollNames = time.Second // names are cheap to look up
)

// errNoAddress is why there is no upstream where names are all that is given.
var errNoAddress = errors.New("no upstream is left: no Service of that name has an address")

// lists are what targets name that stands for servers, and for others later: files,
// and Services. It belongs to one goroutine.
type lists struct {
	root   string
	lookup func(zone.Name) []netip.Addr
	files  map[string]os.FileInfo     // as last read, by path
	names  map[zone.Name][]netip.Addr // as last looked up
}

// any reports whether there are any.
func (l *lists) any() bool { return len(l.files)+len(l.names) > 0 }

// poll returns how often to look whether they have changed.
func (l *lists) poll() time.Duration {
	if len(l.names) > 0 {
		return pollNames
	}
	return pollFiles
}

// path returns where a target's file is.
func (l *lists) path(name string) string {
	if l.root == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.root, name)
}

// expand returns the targets with the servers that files and names stand for in
// their place, each once. That there are none is an error, and so are too many but
// for those of names, of which the first ones count.
func (l *lists) expand(targets []Target) ([]Target, error) {
	var list []Target
	l.files, l.names = map[string]os.FileInfo{}, map[zone.Name][]netip.Addr{}
	for _, t := range targets {
		found := []Target{t}
		switch {
		case t.File != "":
			var err error
			if found, err = l.read(l.path(t.File)); err != nil {
				return nil, err
			}
		case t.Name != "":
			found = l.find(t)
		}
		for _, f := range found {
			if t.Name != "" && len(list) == maxTargets {
				break
			}
			if !slices.ContainsFunc(list, func(have Target) bool { return have.Addr == f.Addr && have.Protocol == f.Protocol }) {
				list = append(list, f)
			}
		}
	}
	switch {
	case len(list) == 0 && len(l.names) > 0:
		return nil, errNoAddress
	case len(list) == 0:
		return nil, errors.New("no upstream is left: the files list no nameserver")
	case len(list) > maxTargets:
		return nil, fmt.Errorf("%d upstreams, %d are allowed", len(list), maxTargets)
	}
	return list, nil
}

// find looks up a target's name.
func (l *lists) find(t Target) []Target {
	var list []Target
	l.names[t.Name] = l.lookup(t.Name)
	for _, addr := range l.names[t.Name] {
		list = append(list, Target{Addr: netip.AddrPortFrom(addr, t.Addr.Port())})
	}
	return list
}

// read reads a file in the format of resolv.conf: its nameserver lines. What they
// hold that is no address is passed over, as resolvers do.
func (l *lists) read(path string) ([]Target, error) {
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
	l.files[path] = info
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

// changed reports whether any file or name is not what it was.
func (l *lists) changed() bool {
	for name, old := range l.names {
		if !slices.Equal(l.lookup(name), old) {
			return true
		}
	}
	for path, old := range l.files {
		info, err := os.Stat(path)
		if err != nil || !os.SameFile(info, old) || info.Size() != old.Size() || !info.ModTime().Equal(old.ModTime()) {
			return true
		}
	}
	return false
}

// watch expands the lists again when they change, until Close. While they can't be
// read, or stand for nothing, the upstreams stay.
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
		if !h.lists.changed() {
			continue
		}
		next := lists{root: h.lists.root, lookup: h.lists.lookup}
		targets, err := next.expand(h.config.To)
		if err != nil {
			if err.Error() != told {
				told = err.Error()
				h.log.Warn("upstreams stay as they are", "handler", Name, "err", err)
			}
			continue
		}
		h.lists, told = next, ""
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

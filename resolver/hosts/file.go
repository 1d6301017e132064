package hosts

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// mostFaults is how many lines of a file that say nothing are logged one by one.
const mostFaults = 10

// file is what the reader knows of the file.
type file struct {
	seen      fs.FileInfo // of what was read last, nil for nothing yet
	complaint string      // what was last logged of it, so that it is not again
	used      bool        // what it once held is in the table
}

// instead says what counts while the file can't be used.
func (f *file) instead() string {
	if f.used {
		return "what was read before counts"
	}
	return "none of its names is known"
}

// refresh reads the file if it has changed, and makes a table of it.
func (h *Handler) refresh() {
	text, err := h.read()
	if err != nil {
		if h.file.complaint != err.Error() {
			h.file.complaint = err.Error()
			h.config.Logger.Warn("hosts: the file can't be read, and "+h.file.instead(), "err", err)
		}
		return
	}
	h.file.complaint = ""
	if text == nil {
		return
	}
	lines, faults, broken := parseText(text)
	if broken != nil {
		h.config.Logger.Error("hosts: the file is broken, and "+h.file.instead(), "err", h.at(*broken))
		return
	}
	for i, f := range faults {
		if i == mostFaults {
			h.config.Logger.Warn("hosts: more lines are left out", "file", h.config.File, "lines", len(faults)-i)
			break
		}
		h.config.Logger.Warn("hosts: a line is left out", "err", h.at(f))
	}
	h.use(lines)
	h.file.used = true
	h.config.Metrics.reload(h.file.seen.ModTime())
}

// at returns a fault with the file and line that it is in.
func (h *Handler) at(f fault) error {
	return fmt.Errorf("%s:%d: %w", h.config.File, f.line, f.err)
}

// use makes a table of the file's lines and of those of the directive, for
// queries from now on.
func (h *Handler) use(lines []Line) {
	t := newTable(&h.config, h.zones, slices.Concat(lines, h.config.Inline))
	h.table.Store(t)
	h.config.Metrics.table(h.config.File, t.entries)
}

// read returns what the file holds; nil if it is as it was. What is no regular
// file is not opened, as that might wait.
func (h *Handler) read() ([]byte, error) {
	info, err := os.Stat(h.config.File)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: h.config.File, Err: errNotAFile}
	}
	if same(h.file.seen, info) {
		return nil, nil
	}
	text, err := os.ReadFile(h.config.File)
	if err != nil {
		return nil, err
	}
	if text == nil {
		text = []byte{}
	}
	// What was written while it was read shows in the next look, as this one's
	// time and size are those from before.
	h.file.seen = info
	return text, nil
}

// same reports whether two looks found the same file, unchanged. The identity
// tells a mounted ConfigMap's files, which are replaced, from one another.
func same(a, b fs.FileInfo) bool {
	return a != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// seconds returns a time as metrics have it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// mostFaults is how many faults of a file are logged one by one.
const mostFaults = 10

// source is what the reader knows of a file.
type source struct {
	seen      fs.FileInfo // as it was read last, nil for nothing yet
	complaint string      // what was last logged of it, so that it is not again
}

// start reads the file for the first time.
func (s *served) start() error {
	err := s.refresh()
	if missing := (*fs.PathError)(nil); errors.As(err, &missing) && s.config.Reload > 0 {
		s.complain(err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("file: zone %s: %w", s.apex, err)
	}
	return nil
}

// follow reads the file whenever it has changed, until stop is closed.
func (s *served) follow(stop <-chan struct{}) {
	tick := time.NewTicker(s.config.Reload)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if err := s.refresh(); err != nil {
				s.complain(err)
			}
		}
	}
}

// complain logs an error, unless it is the one that was logged last.
func (s *served) complain(err error) {
	if s.source.complaint == err.Error() {
		return
	}
	s.source.complaint = err.Error()
	what := "file: the zone stays as it was read before"
	if s.now.Load() == nil {
		what = "file: the zone is SERVFAIL until its file is read"
	}
	s.config.Logger.Error(what, "zone", s.apex.String(), "err", err)
}

// refresh reads the file, if it has changed, for queries from now on.
func (s *served) refresh() error {
	before := s.now.Load()
	var info fs.FileInfo
	if s.config.ByTime {
		var err error
		if info, err = os.Stat(s.config.File); err != nil {
			return err
		}
		if same(s.source.seen, info) {
			return nil
		}
		before = nil // whatever the serial
	}
	c, faults, err := read(s.config.File, s.apex, before)
	if errors.Is(err, errUnchanged) {
		s.source.complaint = ""
		return nil
	}
	if err != nil {
		return err
	}
	// What was written while it was read shows in the next look, as this one's
	// time is that from before.
	s.source = source{seen: info}
	again := s.now.Swap(c) != nil
	s.report(c, faults, again)
	return nil
}

// same reports whether two looks found the same file, unchanged. The identity
// tells a mounted ConfigMap's files, which are replaced, from one another.
func same(a, b fs.FileInfo) bool {
	return a != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// report logs what was read.
func (s *served) report(c *contents, faults []fault, again bool) {
	log := s.config.Logger.With("zone", s.apex.String(), "file", s.config.File)
	for i, f := range faults {
		if i == mostFaults {
			log.Warn("file: more of the zone is not served as written", "records", len(faults)-i)
			break
		}
		log.Warn("file: not served as written", "what", f.String())
	}
	if again {
		log.Info("file: the zone was read again", "serial", c.soa.Serial)
	}
}

package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/zone"
)

// What can be wrong with a file, beside its syntax.
var (
	errNoSOA     = errors.New("no SOA record")
	errNSEC3     = errors.New("NSEC3 is not supported, sign with NSEC")
	errNotAFile  = errors.New("not a regular file")
	errUnchanged = errors.New("the SOA record's serial is as it was")
)

// read reads a zone from a file, and says what in it is not served as written.
// Errors of its syntax begin with file:line. What is no regular file is not
// opened, as that might wait. Given what was read before, it is errUnchanged if
// the serial of the first SOA record is the same.
func read(path string, apex zone.Name, before *contents) (*contents, []fault, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: errNotAFile}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	p := dns.NewZoneParser(f, apex.String(), path)
	p.SetIncludeAllowed(true)
	b := newBuilder(apex)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		first := b.soa == nil
		if err := b.add(rr); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if first && before != nil && b.soa != nil && b.soa.Serial == before.soa.Serial {
			return nil, nil, errUnchanged
		}
	}
	if err := p.Err(); err != nil {
		return nil, nil, positioned(err)
	}
	c, err := b.finish()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, b.faults, nil
}

// position matches an error of the parser: the file, what is wrong, the line.
var position = regexp.MustCompile(`(?s)^(.*?): dns: (.*) at line: (\d+):\d+$`)

// positioned returns an error of the parser as file:line: what is wrong.
func positioned(err error) error {
	m := position.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	return fmt.Errorf("%s:%s: %s", m[1], m[3], m[2])
}

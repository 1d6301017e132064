package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// readyLine is what -ready-json writes, as one line.
type readyLine struct {
	PID       int             `json:"pid"`
	Zones     []string        `json:"zones"` // without final dots; that of the cluster first
	Listeners []readyListener `json:"listeners"`
	Control   string          `json:"control,omitempty"` // unix:PATH, or http://host:port
}

// readyListener is an address that is listened on.
type readyListener struct {
	Scheme  string `json:"scheme"` // dns (UDP and TCP), tls, https; http for an endpoint
	Address string `json:"address"`
	Port    uint16 `json:"port"`
	// Endpoint is the directive that opened an endpoint.
	Endpoint string `json:"endpoint,omitempty"`
}

// newReadyLine says an announcement as JSON does, and where the control API is, if
// anywhere.
func newReadyLine(a assemble.Announcement, control string) readyLine {
	line := readyLine{PID: os.Getpid(), Zones: []string{}, Listeners: []readyListener{}, Control: control}
	for _, z := range a.Zones {
		line.Zones = append(line.Zones, strings.TrimSuffix(z.String(), "."))
	}
	for _, l := range a.Listeners {
		line.Listeners = append(line.Listeners, readyListener{l.Scheme, l.Addr.Addr().String(), l.Addr.Port(), l.Endpoint})
	}
	return line
}

// readyOutput is where -ready-json's line goes: a file, or standard output for "-".
// The zero value is nowhere.
type readyOutput string

// isStdout reports whether standard output is the line's alone.
func (o readyOutput) isStdout() bool { return o == "-" }

// prepare removes the file, which an earlier process may have left: who waits for
// it must not find that one's addresses. It sees that the file can be written.
func (o readyOutput) prepare() error {
	if o == "" || o.isStdout() {
		return nil
	}
	info, err := os.Stat(string(o))
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("-ready-json %s: not a file; want one that may be replaced, or - for standard output", o)
	case err == nil:
		err = os.Remove(string(o))
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.Stat(filepath.Dir(string(o)))
	}
	if err != nil {
		return fmt.Errorf("-ready-json: %w", err)
	}
	return nil
}

// write writes the line: to the file whole or not at all.
func (o readyOutput) write(line readyLine, stdout io.Writer) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("-ready-json: %w", err)
	}
	text = append(text, '\n')
	if o.isStdout() {
		_, err = stdout.Write(text)
	} else {
		err = replaceFile(string(o), text)
	}
	if err != nil {
		return fmt.Errorf("-ready-json: %w", err)
	}
	return nil
}

// replaceFile writes a file under another name, and gives it its own when it is
// whole.
func replaceFile(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	// As others may read what a program writes, and not as a secret.
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

package cookies

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// ErrNoSecret is returned for a file of secrets that has none.
var ErrNoSecret = errors.New("no cookie secret; wanted is at least one line of 32 hexadecimal digits")

// Config is a cookies directive. The zero value, and no directive, is a random
// secret.
type Config struct {
	// Off has cookies ignored.
	Off bool
	// File is the path of a file of secrets; empty for a random one.
	File string
}

// Parse reads a cookies directive:
//
//	cookies [FILE|off]
//
// FILE is not read yet. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	var c Config
	if err := d.ArgCount(0, 1, "at most one of a file of secrets, and off"); err != nil {
		return Config{}, err
	}
	switch {
	case len(d.Args) == 0:
	case d.Args[0] == "":
		return Config{}, d.Errorf("wants the path of a file, got an empty one")
	case d.Args[0] == "off":
		c.Off = true
	default:
		c.File = d.Args[0]
	}
	return c, d.NoBody()
}

// Jar reads the secrets and returns the jar to answer with; nil if cookies are
// off.
func (c Config) Jar() (*Jar, error) {
	if c.Off {
		return nil, nil
	}
	if c.File == "" {
		return New()
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("cookie secrets: %w", err)
	}
	defer f.Close()
	secrets, err := ReadSecrets(c.File, f)
	if err != nil {
		return nil, err
	}
	return New(secrets...)
}

// ReadSecrets reads secrets, one of 32 hexadecimal digits a line. "#" begins a
// comment. The first makes cookies, all are accepted: see New. Errors have the
// name, the line, and nothing of what is written there.
func ReadSecrets(name string, r io.Reader) ([]Secret, error) {
	var secrets []Secret
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		s, err := ParseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		secrets = append(secrets, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: reading cookie secrets: %w", name, err)
	}
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s: %w", name, ErrNoSecret)
	}
	return secrets, nil
}

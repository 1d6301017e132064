package binaries

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestKeep(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	filled := 0
	write := func(dir string) error {
		filled++
		return os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
	}
	fail := func(string) error { return errors.New("no") }
	tests := []struct {
		reason string
		key    string
		fill   func(string) error
		fails  bool
		filled int // so far
	}{
		{"the first time", "a", write, false, 1},
		{"it is there", "a", fail, false, 1},
		{"another key that fails", "b", fail, true, 1},
		{"a failure leaves nothing behind", "b", write, false, 2},
	}
	for _, test := range tests {
		dir, err := Keep(t.Context(), "kept", []string{test.key}, test.fill)
		if (err != nil) != test.fails || filled != test.filled {
			t.Errorf("%s: got error %v, and %d fillings; want an error: %v, and %d", test.reason, err, filled, test.fails, test.filled)
			continue
		}
		if test.fails {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
	}
}

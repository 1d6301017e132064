package root

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

// Name is the directive's name.
const Name = "root"

// Config is a root directive. The zero value leaves paths as they are.
type Config struct {
	// Dir is the folder, relative to the working directory unless absolute.
	Dir string
	// Missing: there was no such folder when the directive was read. It may come.
	Missing bool
}

// Parse reads a root directive:
//
//	root DIR
//
// A DIR that is no folder, or can't be looked at, is an error; one that does not
// exist is Missing. Its errors are [*corefile.Error].
func Parse(d corefile.Directive) (Config, error) {
	dir, err := d.Arg("the folder that relative paths start from")
	if err != nil {
		return Config{}, err
	}
	if err := d.NoBody(); err != nil {
		return Config{}, err
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Config{Dir: dir, Missing: true}, nil
	case err != nil:
		return Config{}, d.Errorf("%w", err)
	case !info.IsDir():
		return Config{}, d.Errorf("%s is not a folder", dir)
	}
	return Config{Dir: dir}, nil
}

// Path returns where a file of the server block is: below Dir unless it is
// absolute, or empty.
func (c Config) Path(file string) string {
	if c.Dir == "" || file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(c.Dir, file)
}

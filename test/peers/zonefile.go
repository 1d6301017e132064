package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ZonePaths returns the paths of the files NAME.zone in a folder, by the apexes that the
// names are given by, for a server that runs elsewhere.
func ZonePaths(dir string, names map[string]string) (map[string]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding zone files: %w", err)
	}
	paths := map[string]string{}
	for apex, name := range names {
		paths[apex] = filepath.Join(dir, name+".zone")
	}
	return paths, nil
}

// ZoneFiles runs `rollcall zone` with the given arguments, cuts what it prints
// into a file for each zone, in dir, and returns their paths by the zones' apexes
// (absolute, lower-case: "cluster.local.").
func ZoneFiles(ctx context.Context, program, dir string, args ...string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, program, append([]string{"zone"}, args...)...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("printing the zones: %w", err)
	}
	files := make(map[string]string)
	// Each zone begins with a comment that names it.
	for _, text := range strings.Split("\n"+string(out), "\n; zone ")[1:] {
		apex, records, _ := strings.Cut(text, "\n")
		path := filepath.Join(dir, apex+"zone")
		if err := os.WriteFile(path, []byte(records+"\n"), 0o644); err != nil {
			return nil, fmt.Errorf("writing a zone file: %w", err)
		}
		files[apex] = path
	}
	if len(files) == 0 {
		return nil, errors.New("printing the zones: there are none")
	}
	return files, nil
}

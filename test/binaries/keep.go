package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Keep returns a folder of the cache that fill has filled, once for each name and
// key. All that decides the content belongs in the key, so that a folder is never
// stale. It is there only if fill returned nil. Several processes may call Keep at
// once; one fills and the others wait.
func Keep(ctx context.Context, name string, key []string, fill func(dir string) error) (string, error) {
	cache, err := Dir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(key, "\n")))
	kept := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:8]))
	unlock, err := Lock(ctx, kept+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(kept); err == nil {
		return kept, nil
	}
	tmp, err := os.MkdirTemp(cache, "."+name+"-")
	if err != nil {
		return "", fmt.Errorf("creating a folder in the cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("creating a folder in the cache: %w", err)
	}
	if err := fill(tmp); err != nil {
		return "", fmt.Errorf("filling %s: %w", kept, err)
	}
	if err := os.Rename(tmp, kept); err != nil {
		return "", fmt.Errorf("moving a folder into the cache: %w", err)
	}
	return kept, nil
}

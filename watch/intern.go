package watch

import (
	"strings"
	"sync"
)

// internLimit bounds how many distinct strings an interner remembers, so that
// a cluster which keeps making and deleting namespaces can't grow it.
const internLimit = 8192

// An interner gives equal strings one memory: namespaces, port names, topology
// zones and cluster names come again in every object. It is used rather than
// package unique, whose values live only as long as somebody keeps the Handle,
// and a trimmed object keeps the string. Safe for concurrent use; the zero
// value is ready.
type interner struct {
	mu   sync.Mutex
	seen map[string]string
}

// intern returns a string equal to s that shares no memory with it, unless s
// came from here.
func (i *interner) intern(s string) string {
	if s == "" {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if have, ok := i.seen[s]; ok {
		return have
	}
	if i.seen == nil || len(i.seen) >= internLimit {
		// Starting over costs a second copy of what is still in use, once.
		i.seen = make(map[string]string)
	}
	s = strings.Clone(s)
	i.seen[s] = s
	return s
}

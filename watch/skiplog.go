package watch

import (
	"sync"

	"github.com/rollcall-dns/rollcall/zone"
)

// skipLogLimit bounds how many keys a skipLog remembers.
const skipLogLimit = 1024

// A skipLog knows which objects were complained of, so that each is logged
// once rather than at each of its updates. It forgets all when full: better a
// line twice than memory that grows. Safe for concurrent use; the zero value
// is ready.
type skipLog struct {
	mu   sync.Mutex
	seen map[zone.Key]struct{}
}

// first reports whether the key is new, and remembers it.
func (l *skipLog) first(k zone.Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.seen[k]; ok {
		return false
	}
	if l.seen == nil || len(l.seen) >= skipLogLimit {
		l.seen = make(map[zone.Key]struct{})
	}
	l.seen[k] = struct{}{}
	return true
}

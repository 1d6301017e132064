package forward

import (
	"net"
	"slices"
	"sync"
	"time"
)

// pool holds connections to an upstream between their uses. A connection is used
// for one exchange at a time. It is safe for concurrent use.
type pool struct {
	expire, maxAge time.Duration // see Config
	most           int
	now            func() time.Time

	mu     sync.Mutex
	idle   []*conn // the one idle longest first
	timer  *time.Timer
	closed bool
}

// conn is a connection of a pool.
type conn struct {
	net.Conn
	made, used time.Time
}

// get takes out the connection that was used last, or returns nil.
func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = slices.Delete(p.idle, last, last+1)
	return c
}

// put puts a connection in, or closes it.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.used = p.now()
	if p.closed || p.expire == 0 {
		c.Close()
		return
	}
	p.idle = append(p.idle, c)
	p.prune()
	if p.most > 0 && len(p.idle) > p.most {
		p.idle[0].Close()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	if p.timer == nil && len(p.idle) > 0 {
		p.timer = time.AfterFunc(p.expire, p.expired)
	}
}

// expired closes what was idle for too long, and comes again while something is.
func (p *pool) expired() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune()
	if len(p.idle) > 0 {
		p.timer.Reset(p.expire)
	} else {
		p.timer = nil
	}
}

// prune closes connections that are not to be used again. p.mu is held.
func (p *pool) prune() {
	now := p.now()
	p.closeWhere(func(c *conn) bool {
		return now.Sub(c.used) >= p.expire || p.maxAge > 0 && now.Sub(c.made) >= p.maxAge
	})
}

// drop closes connections that were not used since some time.
func (p *pool) drop(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeWhere(func(c *conn) bool { return !c.used.After(since) })
}

// closeWhere closes the connections that over reports true for. p.mu is held.
func (p *pool) closeWhere(over func(*conn) bool) {
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		if over(c) {
			c.Close()
			return true
		}
		return false
	})
}

// close closes the connections, and those that are put in later.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
}

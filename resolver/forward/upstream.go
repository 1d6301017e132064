package forward

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// upstream is a server to ask. It is safe for concurrent use.
type upstream struct {
	*shared
	Target
	to     string // its address and port, as errors and metrics name it
	counts *upstreamMetrics
	tls    *tls.Config
	http   *http.Client // for HTTPS
	pool   pool         // of connections

	fails    atomic.Int32 // failed checks since the last reply
	checking atomic.Bool
	noTCP    atomic.Int64  // in Unix nanoseconds: not asked by TCP for more of an answer until then
	done     chan struct{} // closed by close
}

// shared is what all upstreams of a handler have in common.
type shared struct {
	config  Config
	metrics *Metrics
	now     func() time.Time
	buffers sync.Pool   // of *[udpBuffer]byte
	baseTLS *tls.Config // of all but the server's name
}

// newUpstream returns the upstream at t, which is an address.
func (s *shared) newUpstream(t Target) *upstream {
	u := &upstream{shared: s, Target: t, to: t.Addr.String(), done: make(chan struct{})}
	u.counts = s.metrics.of(u.to)
	u.pool = pool{expire: s.config.Expire, maxAge: s.config.MaxAge, most: s.config.MaxIdleConns, now: s.now}
	if t.Protocol == Plain {
		return u
	}
	u.tls = s.baseTLS.Clone()
	for _, name := range []string{t.ServerName, s.config.ServerName, t.Addr.Addr().WithZone("").String()} {
		if name != "" {
			u.tls.ServerName = name
			break
		}
	}
	u.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if t.Protocol == HTTPS {
		u.http = u.newHTTP()
	}
	return u
}

// close ends checks, and closes connections that are idle, and those in use once
// they are. Those of HTTPS are closed by closeHTTP when none is in use.
func (u *upstream) close() {
	close(u.done)
	u.pool.close()
	u.counts.gone()
}

// ask puts a query to the upstream and returns its answer, after some exchanges
// if need be: a truncated reply over UDP is asked for again by TCP, and an
// upstream that does not know EDNS is asked without (RFC 6891 section 7). end is
// when all of it must be over. With an error, what came of a truncated answer is
// returned, nil for nothing.
func (u *upstream) ask(q *query, end time.Time) (*answer, error) {
	start := u.now()
	a, err := u.exchange(q, end)
	if err == nil && a.message.Rcode == wire.FormErr && !a.hasOPT && q.hasOPT() {
		q.dropOPT()
		a, err = u.exchange(q, end)
	}
	if a != nil {
		a.upstream = u.to
	}
	if err != nil {
		return a, err
	}
	u.counts.answered(int(a.message.Rcode), u.now().Sub(start))
	return a, nil
}

// withoutTCP is for how long an upstream is not asked for the rest of its answers
// that did not have one by TCP. Where a filter drops what goes there, each attempt
// takes the whole of read_timeout.
const withoutTCP = 10 * time.Second

// errNoTCP is why an upstream was not asked by TCP.
var errNoTCP = errors.New("truncated, and it did not answer by TCP lately")

// exchange gets the whole answer to a query. With an error, what came of it by UDP
// is returned, nil for nothing.
func (u *upstream) exchange(q *query, end time.Time) (*answer, error) {
	switch {
	case u.Protocol == HTTPS:
		return u.askHTTPS(q, u.deadline(end))
	case u.Protocol == TLS || q.stream:
		a, err := u.askStream(q, end)
		if err == nil {
			u.noTCP.Store(0)
		}
		return a, err
	}
	part, err := u.askUDP(q, u.deadline(end))
	if err != errTruncated {
		return part, err
	}
	if u.now().UnixNano() < u.noTCP.Load() {
		return part, errNoTCP
	}
	whole, err := u.askStream(q, end)
	if err != nil {
		u.noTCP.Store(u.now().Add(withoutTCP).UnixNano())
		return part, err
	}
	return whole, nil
}

// deadline returns when an exchange that begins now must be over.
func (u *upstream) deadline(end time.Time) time.Time {
	if d := time.Now().Add(u.config.ReadTimeout); d.Before(end) {
		return d
	}
	return end
}

// dialer returns what opens connections to the upstream.
func (u *upstream) dialer(deadline time.Time) *net.Dialer {
	d := &net.Dialer{Deadline: deadline}
	if a := u.config.SourceAddress; a.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	return d
}

// String returns the upstream as errors name it.
func (u *upstream) String() string { return u.to }

// failures are why a query has no answer: the last error of each upstream, in the
// order in which they first failed.
type failures []failure

type failure struct {
	upstream *upstream
	err      error
}

// add takes in an error.
func (f *failures) add(u *upstream, err error) {
	for i := range *f {
		if (*f)[i].upstream == u {
			(*f)[i].err = err
			return
		}
	}
	*f = append(*f, failure{u, err})
}

// Error ends in the last error, so that patterns such as "i/o timeout$" match.
func (f failures) Error() string {
	text := ""
	for i, x := range f {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s: %v", x.upstream, x.err)
	}
	return text
}

// Unwrap returns the errors.
func (f failures) Unwrap() []error {
	errs := make([]error, len(f))
	for i, x := range f {
		errs[i] = x.err
	}
	return errs
}

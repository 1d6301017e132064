package cache

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

// Deps are what a Handler needs of its surroundings. All but Next may be left out.
type Deps struct {
	Logger  *slog.Logger
	Metrics *Metrics
	// Labels are those of the server block, for the metrics.
	Labels Labels
	// Next has what is not cached.
	Next resolver.Handler
	// Now is the time, with its monotonic reading. Lives are counted by that.
	Now func() time.Time
}

// Handler answers from what Next relayed before. Make it with New.
type Handler struct {
	config   Config      // with defaults
	zones    []wire.Name // none are all
	next     resolver.Handler
	log      *slog.Logger
	counters *counters
	detach   func() // from the metrics
	now      func() time.Time
	made     time.Time

	seed      maphash.Seed
	success   *store      // of answers
	denial    *store      // of denials and failures
	noSuccess []wire.Name // zones whose answers are not kept
	noDenial  []wire.Name

	context context.Context // of flights; ends with the Handler
	cancel  context.CancelFunc
	flights sync.WaitGroup
	mu      sync.Mutex
	flying  int  // flights under way; guarded by mu
	closed  bool // guarded by mu
}

// New returns a handler that caches what deps.Next relays.
func New(config Config, deps Deps) (*Handler, error) {
	h := &Handler{
		config: config.withDefaults(), seed: maphash.MakeSeed(), next: deps.Next,
		log: cmp.Or(deps.Logger, slog.New(slog.DiscardHandler)), now: deps.Now,
	}
	if h.now == nil {
		h.now = time.Now
	}
	h.made = h.now()
	var err error
	for _, z := range []struct {
		to   *[]wire.Name
		from []string
	}{{&h.zones, config.Zones}, {&h.noSuccess, config.Success.Except}, {&h.noDenial, config.Denial.Except}} {
		if *z.to, err = names(z.from); err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
	}
	if h.success, err = newStore(h.config.Success.Capacity); err != nil {
		return nil, fmt.Errorf("cache of answers: %w", err)
	}
	if h.denial, err = newStore(h.config.Denial.Capacity); err != nil {
		return nil, fmt.Errorf("cache of denials: %w", err)
	}
	if len(config.Zones) > 0 {
		deps.Labels.Zones = strings.Join(config.Zones, ",")
	}
	h.counters, h.detach = deps.Metrics.attach(deps.Labels, h)
	h.context, h.cancel = context.WithCancel(context.Background())
	h.log.Info("cache: replies of other servers are cached; answers from our own zones never are, and change at once")
	return h, nil
}

func names(zones []string) ([]wire.Name, error) {
	var all []wire.Name
	for _, z := range zones {
		n, err := wire.ParseName(z)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// Close ends what is under way and waits for it. The Handler goes on serving what
// it has, and asks nothing of its own any more.
func (h *Handler) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.flights.Wait()
	h.detach()
}

// clock returns the time since the Handler was made. It is monotonic: a step of
// the wall clock neither ends a life nor makes it longer.
func (h *Handler) clock() time.Duration { return h.now().Sub(h.made) }

// Serve answers from the cache, or passes q on and keeps what comes back.
func (h *Handler) Serve(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	if len(h.zones) > 0 && !isInAny(q.Name(), h.zones) {
		return h.next.Serve(q, r)
	}
	k := keyOf(h.seed, &q.Query)
	now := h.clock()
	e, kind := h.find(k, &q.Query, now)
	if e == nil {
		return h.miss(q, r, k)
	}
	left := e.left(now)
	if left <= 0 {
		return h.stale(q, r, hit{k, e, kind, now})
	}
	// Fast path
	if h.config.Prefetch.Amount > 0 && h.isPopular(e, now) && h.isNearEnd(e, left) {
		h.refresh(q, hit{k, e, kind, now})
	}
	age := wire.Aging{Most: e.life}
	if !h.config.KeepTTL {
		age.Age = e.life - uint32(left)
	}
	h.counters.hit(q.Shard, kind)
	return h.reply(r, e, age)
}

// hit is an entry that was found, for a key at a time.
type hit struct {
	key   key
	entry *entry
	kind  kind
	now   time.Duration
}

// find returns the entry to answer q by, and which of the stores it is from: a
// fresh one rather than a stale one, but for prefer_positive. Nil is for none.
func (h *Handler) find(k key, q *wire.Query, now time.Duration) (*entry, kind) {
	p := h.success.get(k, q)
	if !h.isUsable(p, now) {
		p = nil
	}
	if p != nil && (p.left(now) > 0 || h.config.Stale.PreferPositive) {
		return p, answer // Fast path
	}
	n := h.denial.get(k, q)
	if !h.isUsable(n, now) || p != nil && n.outcome == resolver.ServFail {
		n = nil
	}
	if n == nil && p != nil {
		return p, answer
	}
	return n, denial
}

// isUsable reports whether e is fresh, or may be served stale. A failure may not:
// it was never an answer.
func (h *Handler) isUsable(e *entry, now time.Duration) bool {
	if e == nil {
		return false
	}
	left := e.left(now)
	return left > 0 || e.outcome != resolver.ServFail && time.Duration(-left)*time.Second < h.config.Stale.For
}

// reply makes an entry the reply.
func (h *Handler) reply(r *resolver.Reply, e *entry, age wire.Aging) resolver.Outcome {
	r.SetMessage(e.message, age)
	r.Authoritative, r.Recursive, r.Handler = false, true, Name
	if e.outcome == resolver.ServFail && e.message.EDE == nil {
		r.SetEDE(wire.CachedError, "") // RFC 8914 section 4.14
	}
	return e.outcome
}

// miss has the next handler serve q, and keeps the reply if it is another server's
// and worth it.
func (h *Handler) miss(q *resolver.Query, r *resolver.Reply, k key) resolver.Outcome {
	o := h.forward(q, r)
	if o == resolver.Later {
		return o
	}
	h.counters.miss(q.Shard)
	m := r.Relayed
	if m == nil || o == resolver.Dropped {
		return o
	}
	v := judge(&q.Query, m, h.now())
	h.keep(q, m, v, hit{key: k, now: h.clock()})
	if life := h.life(v); v.kind != other && v.most > life {
		// The first reply has the TTLs that later ones count down from.
		aa, ra := r.Authoritative, r.Recursive
		r.SetMessage(m, wire.Aging{Most: life})
		r.Authoritative, r.Recursive = aa, ra
	}
	return o
}

// forward passes q on as one that wants AD, for a reply that others may be given
// too, who do (RFC 6840 section 5.7).
func (h *Handler) forward(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
	flags := q.Flags
	q.Flags |= wire.FlagAD
	o := h.next.Serve(q, r)
	q.Flags = flags
	r.Authentic = r.Authentic && (q.DO || flags&wire.FlagAD != 0)
	return o
}

// life returns for how many seconds a reply is kept.
func (h *Handler) life(v verdict) uint32 {
	s, ttl := h.config.Success, time.Duration(v.ttl)*time.Second
	switch v.kind {
	case denial:
		s = h.config.Denial
	case failure:
		return uint32((h.config.ServFail + time.Second - 1) / time.Second)
	}
	return uint32(min(max(ttl, s.MinTTL), s.MaxTTL) / time.Second)
}

// keep has a reply take the place of what was known. was.entry, if any, is what it
// was asked anew for. What was asked without RD tells nothing of what is told
// those who ask with it.
func (h *Handler) keep(q *resolver.Query, m *wire.Message, v verdict, was hit) {
	if v.foreign {
		h.counters.drops.Add(1)
	}
	if q.Flags&wire.FlagRD == 0 || !v.settled && v.kind != failure {
		return
	}
	e := &entry{
		message: m, outcome: v.outcome, name: string(q.Name()), typ: q.Type, class: q.Class, dnssec: q.DO, raw: isRaw(&q.Query),
		stored: was.now, life: h.life(v),
	}
	if was.entry != nil {
		e.hits.Store(was.entry.hits.Load())
		e.hit.Store(was.entry.hit.Load())
	}
	if v.kind == failure {
		// Whoever has an answer keeps it: others may be told it yet.
		if known, _ := h.find(was.key, &q.Query, was.now); known == nil || known.outcome == resolver.ServFail {
			h.put(h.denial, denial, was.key, e)
		}
		return
	}
	if v.kind == answer {
		h.denial.remove(was.key)
		h.put(h.success, answer, was.key, e)
		return
	}
	// The other server has spoken: an answer that it gave before is not its last.
	if !h.config.Stale.PreferPositive {
		h.success.remove(was.key)
	}
	if v.kind == denial {
		h.put(h.denial, denial, was.key, e)
	} else {
		h.denial.remove(was.key)
	}
}

// put puts an entry into a store; in its place nothing, if it is not to be kept.
func (h *Handler) put(s *store, kind kind, k key, e *entry) {
	except := h.noSuccess
	if kind == denial {
		except = h.noDenial
	}
	if e.life == 0 || isInAny([]byte(e.name), except) {
		s.remove(k)
		return
	}
	if n := s.add(k, e); n > 0 {
		h.counters.evict(kind, n)
	}
}

func isInAny(name []byte, zones []wire.Name) bool {
	for _, z := range zones {
		if wire.IsBelow(name, z) {
			return true
		}
	}
	return false
}

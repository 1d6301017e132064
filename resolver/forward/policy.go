package forward

import (
	"math/rand/v2"
	"sync/atomic"
)

// Policy says in which order upstreams are asked.
type Policy uint8

// The policies.
const (
	Random     Policy = iota // any order
	RoundRobin               // each is the first one in turn
	Sequential               // as they are written
)

// policies are the policies by their names.
var policies = map[string]Policy{"random": Random, "round_robin": RoundRobin, "sequential": Sequential}

// order returns upstreams in the order to ask them. turn is how often that was
// done. The result may be all itself. Nothing secret depends on it.
func (p Policy) order(all []*upstream, turn *atomic.Uint32) []*upstream {
	if p == Sequential || len(all) < 2 {
		return all
	}
	list := make([]*upstream, 0, len(all))
	if p == RoundRobin {
		first := int(turn.Add(1)-1) % len(all)
		return append(append(list, all[first:]...), all[:first]...)
	}
	list = append(list, all...)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

package server

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// TestOutbox sees that replies that are ready while others are sent leave together,
// in order, and that each is told of when it has left.
func TestOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []string
		gate := make(chan struct{})
		o := &outbox{
			write: func(all []*waiting) {
				<-gate
				text := "write"
				for _, w := range all {
					text += " " + string(w.reply)
				}
				events = append(events, text)
			},
			sent: func(w *waiting) { events = append(events, "sent "+string(w.reply)) },
		}
		send := func(text string) { o.send(&waiting{reply: []byte(text)}) }
		go send("a")
		synctest.Wait() // a is being written
		send("b")
		send("c")
		gate <- struct{}{}
		synctest.Wait() // b and c are
		send("d")
		close(gate)
		synctest.Wait()
		send("e") // nobody sends any more
		want := []string{"write a", "sent a", "write b c", "sent b", "sent c", "write d", "sent d", "write e", "sent e"}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestOutboxFromMany sees that of replies from many goroutines each leaves once,
// by one goroutine at a time.
func TestOutboxFromMany(t *testing.T) {
	const senders, each = 16, 500
	seen := map[string]int{} // guarded by the outbox's promise
	o := &outbox{
		write: func(all []*waiting) {
			for _, w := range all {
				seen[string(w.reply)]++
			}
		},
		sent: func(w *waiting) { w.reply = nil },
	}
	var group sync.WaitGroup
	for s := range senders {
		group.Go(func() {
			for i := range each {
				o.send(&waiting{reply: fmt.Appendf(nil, "%d/%d", s, i)})
			}
		})
	}
	group.Wait()
	for s := range senders {
		for i := range each {
			if n := seen[fmt.Sprintf("%d/%d", s, i)]; n != 1 {
				t.Fatalf("reply %d of sender %d left %d times", i, s, n)
			}
		}
	}
}

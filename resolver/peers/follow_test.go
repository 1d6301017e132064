package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestFollow plays what look-ups find, one an interval, and has the Updates as
// lines: when it came, the set, and what changed.
func TestFollow(t *testing.T) {
	const fails, none = "fails", "none"
	tests := []struct {
		name   string
		finds  string // names of peers by look-up, the last for ever
		empty  time.Duration
		want   []string
		reason string
	}{
		{"steady", "a,b a,b a,b", 0, []string{"0: a,b +a,b"}, "no news, no Update"},
		{"changes", "a a,b b", 0, []string{"0: a +a", "1: a,b +b =a", "2: b -a =b"}, "what is new, gone and still there"},
		{"readdressed", "a,b a!,b", 0, []string{"0: a,b +a,b", "1: a,b ~a =b"}, "the same name with another address"},
		{"one failure", "a,b fails a,b", 0, []string{"0: a,b +a,b", "1: a,b stale =a,b", "2: a,b =a,b"}, "a failure changes no set"},
		{"failures", "a fails fails fails fails fails fails fails fails", 0, []string{"0: a +a", "1: a stale =a"}, "however long it takes, told once"},
		{"change behind a failure", "a fails a,b", 0, []string{"0: a +a", "1: a stale =a", "2: a,b +b =a"}, "compared with the last Update"},
		{"first failures", "fails fails a", 0, []string{"2: a +a"}, "no Update before an answer"},
		{"empty at first", "none none a", 0, []string{"0: ", "2: a +a"}, "nothing is taken back, so it is believed"},
		{"emptied", "a none", 0, []string{"0: a +a", "1: a stale =a", "6: -a"}, "believed after five seconds"},
		{"one empty answer", "a,b none a,b", 0, []string{"0: a,b +a,b", "1: a,b stale =a,b", "2: a,b =a,b"}, "of a server that restarts"},
		{"empty answers with a break", "a none none none none fails none none none a", 0, []string{"0: a +a", "1: a stale =a", "9: a =a"}, "a failure confirms nothing"},
		{"emptied, at once", "a none", -1, []string{"0: a +a", "1: -a"}, "as the caller wants it"},
		{"emptied, soon", "a none", 2 * time.Second, []string{"0: a +a", "1: a stale =a", "3: -a"}, "as the caller wants it"},
		{"empty again", "a none none none none none none none none a none", 0, []string{"0: a +a", "1: a stale =a", "6: -a", "9: a +a", "10: a stale =a", "15: -a"}, "each time anew"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := newPlan("x.", Options{Interval: time.Second, EmptyAfter: tt.empty, Servers: []string{"127.0.0.1"}, Search: []string{}, Self: []string{}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				finds := strings.Fields(tt.finds)
				number := -1
				f := follower{plan: p, forget: func() {}, find: func(context.Context) (string, []Peer, error) {
					number++
					time.Sleep(time.Second) // no pause is left, so that they are a second apart
					if number == 20 {
						cancel()
					}
					switch find := finds[min(number, len(finds)-1)]; find {
					case fails:
						return "", nil, errors.New("SERVFAIL")
					case none:
						return "", nil, nil
					default:
						return "x", named(find), nil
					}
				}}
				var got []string
				f.run(ctx, func(u Update) bool {
					got = append(got, fmt.Sprintf("%d: %s", number, describe(u)))
					return true
				})
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
			})
		})
	}
}

// TestFollowLogs has what is logged of a set that stays and of one that goes.
func TestFollowLogs(t *testing.T) {
	const doubt = "the server says that there are no peers; the set stays as it is until that has lasted"
	tests := []struct {
		name   string
		finds  []error // of look-ups after the first, which has a peer; nil is an empty answer, the last for ever
		want   []string
		reason string
	}{
		{"emptied", []error{nil}, []string{doubt, "all peers are gone: the server goes on saying so"}, "nothing works again that did not fail"},
		{"failed, and emptied", []error{errors.New("SERVFAIL"), nil}, []string{"looking up peers failed; the set stays as it is", "all peers are gone: the server goes on saying so"}, "in doubt is stale, too: told once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text strings.Builder
				logger := slog.New(slog.NewTextHandler(&text, nil))
				p, err := newPlan("x.", Options{Interval: time.Second, Logger: logger, Servers: []string{"127.0.0.1"}, Search: []string{}, Self: []string{}})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				number := -1
				f := follower{plan: p, forget: func() {}, find: func(context.Context) (string, []Peer, error) {
					number++
					time.Sleep(time.Second)
					switch {
					case number == 0:
						return "x", named("a"), nil
					case number == 20:
						cancel()
					}
					return "", nil, tt.finds[min(number-1, len(tt.finds)-1)]
				}}
				f.run(ctx, func(Update) bool { return true })
				var got []string
				for line := range strings.Lines(text.String()) {
					_, rest, _ := strings.Cut(line, `msg="`)
					msg, _, _ := strings.Cut(rest, `"`)
					got = append(got, msg)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
			})
		})
	}
}

// named returns peers of names that are joined by commas; a ! stands for a peer's
// other port.
func named(names string) (peers []Peer) {
	for name := range strings.SplitSeq(names, ",") {
		p := Peer{Name: strings.TrimSuffix(name, "!")}
		if p.Name != name {
			p.Port = 1
		}
		peers = append(peers, p)
	}
	return peers
}

func describe(u Update) string {
	words := []string{strings.Join(u.Names(), ",")}
	if u.Stale() {
		words = append(words, "stale")
	}
	for _, l := range []struct {
		mark string
		list []Peer
	}{{"+", u.Added}, {"-", u.Removed}, {"~", u.Changed}, {"=", u.Unchanged}} {
		if len(l.list) > 0 {
			words = append(words, l.mark+strings.Join(Set{Peers: l.list}.Names(), ","))
		}
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// TestPace has the begin of look-ups: never further apart than the interval, a third
// of it at the start, after a change and while an empty answer is in doubt, and
// spread, whatever a look-up takes.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			interval = 10 * time.Second
			empty    = 80 // the look-up that finds none
		)
		p, err := newPlan("x.", Options{Interval: interval, Servers: []string{"127.0.0.1"}, Search: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var starts []time.Time
		changes := []time.Time{time.Now()} // the start, and two more
		f := follower{plan: p, find: func(context.Context) (string, []Peer, error) {
			starts = append(starts, time.Now())
			time.Sleep(time.Duration(len(starts)%3) * time.Second)
			switch {
			case len(starts) == 100:
				cancel()
			case len(starts) == 1, len(starts) == 50: // the first set is a change, too
				changes = append(changes, time.Now())
			}
			switch {
			case len(starts) == empty:
				return "", nil, nil
			case len(starts) < 50:
				return "x", named("a"), nil
			}
			return "x", named("b"), nil
		}}
		f.run(ctx, func(Update) bool { return true })
		different := make(map[time.Duration]bool)
		for i := range starts[1:] {
			apart, want := starts[i+1].Sub(starts[i]), interval
			for _, change := range changes {
				// The set is known at the look-up's end, up to two seconds after its begin.
				if end := starts[i].Add(time.Duration((i+1)%3) * time.Second).Sub(change); end >= 0 && end < eager {
					want = interval / 3
				}
			}
			if i+1 == empty {
				want = interval / 3
			}
			if apart > want || apart < want*4/5 {
				t.Errorf("look-up %d: %s after the one before, want %s to %s", i+1, apart, want*4/5, want)
			}
			different[apart] = true
		}
		if len(different) < 90 {
			t.Errorf("only %d of 99 pauses are different", len(different))
		}
	})
}

// TestSlowBody has a loop whose body takes long. It gets what has changed since in
// one Update, from a look-up that began after it was done.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := newPlan("x.", Options{Servers: []string{"127.0.0.1"}, Search: []string{}, Self: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		f := follower{plan: p, find: func(context.Context) (string, []Peer, error) {
			if time.Since(start) < time.Minute {
				return "x", named("a"), nil
			}
			return "x", named("b,c"), nil
		}}
		var got []string
		f.run(t.Context(), func(u Update) bool {
			got = append(got, fmt.Sprintf("%s: %s", time.Since(start), describe(u)))
			time.Sleep(time.Hour)
			return len(got) < 2
		})
		if diff := cmp.Diff([]string{"0s: a +a", "1h0m0s: b,c +b,c -a"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

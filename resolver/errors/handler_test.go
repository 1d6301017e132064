package errors_test

import (
	"bytes"
	stderrors "errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/errors"
)

// lines is a log, without times.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// take returns what was logged since the last call, line by line.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSuffix(l.buf.String(), "\n")
	l.buf.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// logger returns a logger that writes lines without time to w.
func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// failing is a handler whose outcome is ServFail for the reason err.
func failing(err error) resolver.Handler {
	return resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
		r.Err = err
		return resolver.ServFail
	})
}

func TestHandler(t *testing.T) {
	failure := stderrors.New("upstream timeout")
	tests := []struct {
		name   string
		next   resolver.Handler
		want   []string
		reason string
	}{
		{"an error", failing(failure), []string{`level=ERROR msg="2 name.example. TYPE666: upstream timeout"`}, "rcode, name, type and why"},
		{"no reason", failing(nil), nil, "nothing to tell"},
		{"refused", resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
			r.Err = failure
			return resolver.Refused
		}), nil, "the outcome is not a failure"},
		{"answered", resolver.HandlerFunc(func(*resolver.Query, *resolver.Reply) resolver.Outcome { return resolver.Answered }), nil, "no error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log lines
			h := errors.New(errors.Config{}, logger(&log), tt.next)
			want := dnstest.Serve(t, tt.next, dnstest.Question("name.example.", 666))
			got := dnstest.Serve(t, h, dnstest.Question("name.example.", 666))
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("the reply is not the next handler's (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, log.take()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestConsolidate lets periods end, on a clock that is the test's.
func TestConsolidate(t *testing.T) {
	rule := func(pattern string, level slog.Level, first bool) errors.Consolidate {
		return errors.Consolidate{Period: time.Minute, Pattern: regexp.MustCompile(pattern), Level: level, ShowFirst: first}
	}
	timeout, refused := stderrors.New("upstream timeout"), stderrors.New("connection refused")
	shown := `level=ERROR msg="2 name.example. A: upstream timeout"`
	tests := []struct {
		name         string
		rules        []errors.Consolidate
		errors       []error
		first, later []string // logged at once, and when the period has ended
		reason       string
	}{
		{
			name: "none matches", rules: []errors.Consolidate{rule("^timeout", slog.LevelWarn, false)},
			errors: []error{timeout}, first: []string{shown}, reason: "patterns are of the whole text",
		},
		{
			name: "one", rules: []errors.Consolidate{rule("timeout$", slog.LevelWarn, false)},
			errors: []error{timeout}, later: []string{`level=WARN msg="1 errors like 'timeout$' occurred in last 1m0s"`},
			reason: "one too is told when the period ends",
		},
		{
			name: "several", rules: []errors.Consolidate{rule("timeout", slog.LevelInfo, false)},
			errors: []error{timeout, timeout, refused, timeout},
			first:  []string{`level=ERROR msg="2 name.example. A: connection refused"`},
			later:  []string{`level=INFO msg="3 errors like 'timeout' occurred in last 1m0s"`}, reason: "only those that match are counted",
		},
		{
			name: "first rule", rules: []errors.Consolidate{rule("up", slog.LevelWarn, false), rule("timeout", slog.LevelError, false)},
			errors: []error{timeout, timeout}, later: []string{`level=WARN msg="2 errors like 'up' occurred in last 1m0s"`},
			reason: "the first that matches applies",
		},
		{
			name: "show first, one", rules: []errors.Consolidate{rule("timeout", slog.LevelError, true)},
			errors: []error{timeout}, first: []string{shown}, reason: "what was shown needs no sum",
		},
		{
			name: "show first, several", rules: []errors.Consolidate{rule("timeout", slog.LevelError, true)},
			errors: []error{timeout, timeout, timeout}, first: []string{shown},
			later: []string{`level=ERROR msg="3 errors like 'timeout' occurred in last 1m0s"`}, reason: "the first shows at once, the sum has it too",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lines
				var err error
				h := errors.New(errors.Config{Consolidate: tt.rules}, logger(&log),
					resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome { return failing(err).Serve(q, r) }))
				for period := range 2 { // each period is like the first
					for _, err = range tt.errors {
						dnstest.Serve(t, h, dnstest.Question("name.example.", dns.TypeA))
					}
					if diff := cmp.Diff(tt.first, log.take()); diff != "" {
						t.Errorf("%s: at once, period %d (-want +got):\n%s", tt.reason, period, diff)
					}
					time.Sleep(time.Minute - time.Nanosecond)
					synctest.Wait()
					if early := log.take(); early != nil {
						t.Errorf("before the end of period %d: %q", period, early)
					}
					time.Sleep(time.Nanosecond)
					synctest.Wait()
					if diff := cmp.Diff(tt.later, log.take()); diff != "" {
						t.Errorf("%s: after period %d (-want +got):\n%s", tt.reason, period, diff)
					}
				}
				time.Sleep(time.Hour)
				if more := log.take(); more != nil {
					t.Errorf("with no more errors: %q", more)
				}
			})
		})
	}
}

func TestConsolidateConcurrently(t *testing.T) {
	const queries = 100
	synctest.Test(t, func(t *testing.T) {
		var log lines
		rules := []errors.Consolidate{{Period: time.Minute, Pattern: regexp.MustCompile("x"), Level: slog.LevelError, ShowFirst: true}}
		h := errors.New(errors.Config{Consolidate: rules}, logger(&log), failing(stderrors.New("x")))
		var all sync.WaitGroup
		for range queries {
			all.Go(func() { dnstest.Serve(t, h, dnstest.Question("name.example.", dns.TypeA)) })
		}
		all.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{
			`level=ERROR msg="2 name.example. A: x"`,
			fmt.Sprintf(`level=ERROR msg="%d errors like 'x' occurred in last 1m0s"`, queries),
		}
		if diff := cmp.Diff(want, log.take()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func Example() {
	h := errors.New(errors.Config{}, logger(os.Stdout), failing(stderrors.New("not synced")))
	packet, err := new(dns.Msg).SetQuestion("web.default.svc.cluster.local.", dns.TypeA).Pack()
	if err != nil {
		fmt.Println(err)
		return
	}
	responder := resolver.Responder{Handler: h}
	responder.Respond(new(resolver.Exchange), packet, nil)
	// Output: level=ERROR msg="2 web.default.svc.cluster.local. A: not synced"
}

package cancel_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/cancel"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   time.Duration
		err    string
		reason string
	}{
		{"cancel", 5001 * time.Millisecond, "", "CoreDNS's default"},
		{"cancel 1s", time.Second, "", "a timeout"},
		{"cancel 0s", 0, `Corefile:2: cancel: wants a duration above 0, got "0s"`, "no query could wait"},
		{"cancel -1s", 0, `Corefile:2: cancel: wants a duration such as 5s, 1m30s or 0s, got "-1s"`, "no time goes back"},
		{"cancel 1s 2s", 0, `Corefile:2: cancel: wants a duration such as 5s, 1m30s or 0s, got "1s" "2s"`, "one timeout"},
		{"cancel {\nx\n}", cancel.DefaultTimeout, `Corefile:3: cancel takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := cancel.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" || got.Timeout != tt.want {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, got, diff)
			}
		})
	}
}

// serve serves one query with a Context, and returns it afterwards.
func serve(t *testing.T, ctx context.Context, h resolver.Handler) (*resolver.Exchange, []byte) {
	t.Helper()
	x := dnstest.Exchange()
	x.Query.Context = ctx
	responder := resolver.Responder{Handler: h}
	return x, responder.Respond(x, dnstest.Pack(t, dnstest.Question("example.org.", dns.TypeA)), nil)
}

func TestDeadline(t *testing.T) {
	var after time.Duration
	h := cancel.New(cancel.Config{}, resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		if deadline, ok := q.Context.Deadline(); ok {
			after = time.Until(deadline)
		}
		return resolver.NoData
	}))
	ctx := context.Background()
	x, _ := serve(t, ctx, h)
	if after <= 4*time.Second || after > cancel.DefaultTimeout {
		t.Errorf("the deadline was %s away", after)
	}
	if x.Query.Context != ctx {
		t.Error("the query's own Context is not back")
	}
}

func TestTimeout(t *testing.T) {
	waits := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		<-q.Context.Done()
		r.Err = q.Context.Err()
		return resolver.ServFail
	})
	x, out := serve(t, context.Background(), cancel.New(cancel.Config{Timeout: time.Millisecond}, waits))
	if r := dnstest.Unpack(t, out); r.Rcode != dns.RcodeServerFailure || x.Reply.Err != context.DeadlineExceeded {
		t.Errorf("why is %v:\n%v", x.Reply.Err, r)
	}
}

// TestInline is of a query that must not wait: it has no Context, and gets none.
func TestInline(t *testing.T) {
	later := resolver.HandlerFunc(func(q *resolver.Query, _ *resolver.Reply) resolver.Outcome {
		if q.MayWait() {
			t.Error("the query may wait all of a sudden")
			return resolver.NoData
		}
		return resolver.Later
	})
	x, out := serve(t, nil, cancel.New(cancel.Config{}, later))
	if !x.Later() || len(out) > 0 {
		t.Error("Later did not come through")
	}
}

package process

import (
	"context"
	"fmt"
	"time"
)

// Until calls check every few milliseconds, at first, and then less often, until
// it returns nil. When ctx ends it returns the last error that check gave before
// that, since one that was cut short says nothing.
func Until(ctx context.Context, check func(context.Context) error) error {
	const longest = 250 * time.Millisecond
	var last error
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, longest) {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the last answer was: %w", context.Cause(ctx), last)
		case <-time.After(pause):
		}
	}
}

// Within is Until for some time, which its error tells.
func Within(ctx context.Context, most time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %v", most))
	defer cancel()
	return Until(ctx, check)
}

// Ready waits as Until does, and gives up as soon as the program has ended.
func (p *Process) Ready(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.done:
			cancel(fmt.Errorf("%s ended early", p.Name()))
		case <-ctx.Done():
		}
	}()
	if err := Until(ctx, check); err != nil {
		return fmt.Errorf("waiting for %s: %w\n%s", p.Name(), err, p.Tail(30))
	}
	return nil
}

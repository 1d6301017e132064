package forward

import "time"

// A check of an upstream asks one question; any reply at all is a success.
const (
	defaultInterval = 500 * time.Millisecond // between checks
	checkTimeout    = time.Second            // of each
)

// isDown reports whether so many checks in a row failed that the upstream is not
// to be asked while there are others.
func (u *upstream) isDown() bool {
	most := u.config.MaxFails
	return most > 0 && int(u.fails.Load()) >= most
}

// replied notes that the upstream is there.
func (u *upstream) replied() {
	if u.fails.Load() != 0 {
		u.fails.Store(0)
	}
}

// doubt has the upstream checked until it replies, unless that is going on. It is
// to be called while h.running is not zero.
func (h *Handler) doubt(u *upstream) {
	if u.config.MaxFails == 0 || !u.checking.CompareAndSwap(false, true) {
		return
	}
	h.running.Go(func() {
		defer u.checking.Store(false)
		for {
			err := u.check()
			if err == nil {
				if int(u.fails.Swap(0)) >= u.config.MaxFails {
					h.log.Info("upstream is back", "handler", Name, "upstream", u.to)
				}
				return
			}
			if int(u.fails.Add(1)) == u.config.MaxFails {
				h.log.Warn("upstream is down", "handler", Name, "upstream", u.to, "err", err)
			}
			u.counts.checkFailed()
			select {
			case <-u.done:
				return
			case <-time.After(u.config.Check.Interval):
			}
		}
	})
}

// check asks the upstream whether it is there.
func (u *upstream) check() error {
	q, err := newCheck(u.config.Check, u.config.ForceTCP)
	if err != nil {
		return err
	}
	end := time.Now().Add(checkTimeout)
	switch {
	case u.Protocol == HTTPS:
		_, err = u.askHTTPS(q, end)
	case u.Protocol == TLS || q.stream:
		_, err = u.askStream(q, end)
	default:
		_, err = u.askUDP(q, end)
	}
	if err == errTruncated || err == errTruncatedStream {
		return nil
	}
	return err
}

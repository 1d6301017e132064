package forward

import "github.com/rollcall-dns/rollcall/internal/wire"

// Upstreams returns the addresses of a handler's upstreams.
func Upstreams(h *Handler) (list []string) {
	for _, u := range *h.upstreams.Load() {
		list = append(list, u.to)
	}
	return list
}

// Checking returns how many of a handler's upstreams are being checked.
func Checking(h *Handler) (n int) {
	for _, u := range *h.upstreams.Load() {
		if u.checking.Load() {
			n++
		}
	}
	return n
}

// ReadAnswer reads a reply of an upstream, and says whether that has an OPT record.
func ReadAnswer(msg []byte) (*wire.Message, bool, error) { return opened(readAnswer(msg)) }

// ReadUnusual reads a reply of an upstream as one that is not as most are.
func ReadUnusual(msg []byte) (*wire.Message, bool, error) {
	read := func() (a *answer, err error) {
		defer caught(&a, &err)
		return readUnusual(msg)
	}
	return opened(read())
}

func opened(a *answer, err error) (*wire.Message, bool, error) {
	if err != nil {
		return nil, false, err
	}
	return a.message, a.hasOPT, nil
}

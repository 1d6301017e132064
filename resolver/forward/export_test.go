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

// ReadAnswer reads a reply of an upstream.
func ReadAnswer(msg []byte) (*wire.Message, error) {
	a, err := readAnswer(msg)
	if err != nil {
		return nil, err
	}
	return a.message, nil
}

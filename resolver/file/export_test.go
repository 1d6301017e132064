package file

// Refresh looks whether the file of h's only zone has changed.
func Refresh(h *Handler) error { return h.zones[0].refresh() }

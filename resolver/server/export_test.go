package server

// Batched says that this system reads packets in batches.
const Batched = batched

// Portable returns c made to read packets one by one, as all systems can.
func Portable(c Config) Config {
	c.OneByOne = true
	return c
}

// Conns returns how many connections are open.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Waiting returns how many queries are under way that take long: over UDP, and
// over TCP.
func (s *Server) Waiting() (udp, tcp int) {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return int(s.waiting.Load()), s.places.taken
}

// Sharers returns how many sources have places over TCP, or wait for one.
func (s *Server) Sharers() int {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return len(s.places.shares) + len(s.places.waiting)
}

// WithDefaults returns c as a Server uses it.
func WithDefaults(c Config) Config {
	c.setDefaults()
	return c
}

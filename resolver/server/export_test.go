package server

// Batched says that this system reads packets in batches.
const Batched = batched

// Portable returns c made to read packets one by one, as all systems can.
func Portable(c Config) Config {
	c.portable = true
	return c
}

package server

// A Limit is a bound that a Server holds.
type Limit string

// The limits of a Server.
const (
	TooManyConns      Limit = "connections"            // Config.MaxConns: one more is closed
	TooManyFromSource Limit = "connections_per_source" // Config.MaxConnsPerSource: likewise
	TooManyOfConn     Limit = "waiting_per_connection" // Config.MaxPerConn: reading pauses
	TooManyWaiting    Limit = "waiting"                // Config.MaxWaiting: a packet is dropped, or reading pauses

	TooManyFromSourceWaiting Limit = "waiting_per_source" // the address' share of Config.MaxWaiting: reading pauses
)

// limited tells of a limit that was met. The caller holds no lock.
func (s *Server) limited(l Limit) {
	if s.config.Limited != nil {
		s.config.Limited(l)
	}
}

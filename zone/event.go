package zone

// Op is what an Event says happened.
type Op uint8

// The operations of an Event.
const (
	// Put: Object is new, or replaces the one of its kind and key.
	Put Op = iota
	// Remove: the object of Kind and Key is gone.
	Remove
	// Replace: Objects are all objects of Kind, others are gone. Kind is
	// synced from then on.
	Replace
)

// Event is one fact from a source. Events of different kinds may come in any
// order; of one key, in the order they happened.
type Event struct {
	Op   Op
	Kind Kind
	// Object is what Put puts. Kind and Key are taken from it.
	Object Object
	// Key is what Remove removes.
	Key Key
	// Objects is what Replace leaves. The slice is the caller's again when
	// Apply returns.
	Objects []Object
}

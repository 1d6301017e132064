package control

import (
	"fmt"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/record"
)

// faultBody is a fault.Fault as JSON has it.
type faultBody struct {
	Name        string       `json:"name,omitempty"`
	Type        string       `json:"type,omitempty"`
	Do          fault.Action `json:"do"`
	Delay       string       `json:"delay,omitempty"` // "100ms"
	Skip        int          `json:"skip,omitempty"`
	Every       int          `json:"every,omitempty"`
	Probability float64      `json:"probability,omitempty"`
	Count       int          `json:"count,omitempty"`
}

func (b *faultBody) fault() (f fault.Fault, err error) {
	f = fault.Fault{
		Name: b.Name, Type: b.Type, Do: b.Do,
		Skip: b.Skip, Every: b.Every, Probability: b.Probability, Count: b.Count,
	}
	if b.Delay != "" {
		if f.Delay, err = time.ParseDuration(b.Delay); err != nil {
			return f, fmt.Errorf("%w: delay %q: want a duration such as 100ms", fault.ErrFault, b.Delay)
		}
	}
	return f, nil
}

// faultID is what names a fault.
type faultID struct {
	ID int `json:"id"`
}

// faultState is a fault that is set, and what came of it.
type faultState struct {
	faultID
	faultBody
	Seen int `json:"seen"`
	Done int `json:"done"`
}

// faultStates is never nil: an empty list is [].
func faultStates(states []fault.State) []faultState {
	all := []faultState{}
	for _, s := range states {
		body := faultBody{
			Name: s.Name, Type: s.Type, Do: s.Do,
			Skip: s.Skip, Every: s.Every, Probability: s.Probability, Count: s.Count,
		}
		if s.Delay > 0 {
			body.Delay = s.Delay.String()
		}
		all = append(all, faultState{faultID{s.ID}, body, s.Seen, s.Done})
	}
	return all
}

// query is a record.Query as JSON has it.
type query struct {
	Time      time.Time `json:"time"`
	Client    string    `json:"client"`
	Transport string    `json:"transport"`
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Rcode     string    `json:"rcode"`
	Answers   int       `json:"answers"`
}

// queries is never nil: an empty list is [].
func queries(asked []record.Query) []query {
	all := []query{}
	for _, q := range asked {
		all = append(all, query{q.Time, q.Client.String(), q.Transport, q.Name, q.Type, q.Rcode, q.Answers})
	}
	return all
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/rollcall-dns/rollcall/resolver/peers"
)

// peersView is what formats and templates see of a set.
type peersView struct {
	Name    string       `json:"name"`           // of the Service, in full
	Self    string       `json:"self,omitempty"` // the name of the peer that this pod is
	Stale   bool         `json:"stale"`          // the last look-up failed
	Peers   []peers.Peer `json:"peers"`
	Added   []string     `json:"added"` // names, since the last set
	Removed []string     `json:"removed"`
	Changed []string     `json:"changed"` // the name is the same, and addresses or port are not
}

func newPeersView(s peers.Set, c peers.Change) peersView {
	names := func(list []peers.Peer) []string { return peers.Set{Peers: list}.Names() }
	v := peersView{
		Name: s.Name, Self: s.Self, Stale: s.Stale(), Peers: slices.Clone(s.Peers),
		Added: names(c.Added), Removed: names(c.Removed), Changed: names(c.Changed),
	}
	if v.Peers == nil {
		v.Peers = []peers.Peer{}
	}
	for i, p := range v.Peers {
		if p.Addresses == nil {
			v.Peers[i].Addresses = p.Addresses[:0:0]
		}
	}
	return v
}

// Names are the peers' names, in order.
func (v peersView) Names() []string { return peers.Set{Peers: v.Peers}.Names() }

// env are the lines of an environment that tell of the set.
func (v peersView) env() []string {
	var addrs []string
	for _, p := range v.Peers {
		for _, a := range p.Addresses {
			addrs = append(addrs, a.String())
		}
	}
	return []string{
		"PEERS=" + strings.Join(v.Names(), ","),
		"PEERS_ADDED=" + strings.Join(v.Added, ","),
		"PEERS_REMOVED=" + strings.Join(v.Removed, ","),
		"PEERS_ADDRESSES=" + strings.Join(addrs, ","),
		"PEERS_COUNT=" + strconv.Itoa(len(v.Peers)),
		"PEERS_SELF=" + v.Self,
	}
}

// format writes a set.
type format func(io.Writer, peersView) error

// newFormat returns the format that -o names.
func newFormat(name string) (format, error) {
	switch name {
	case "text":
		return writeLines(peersView.Names), nil
	case "env":
		return writeLines(peersView.env), nil
	case "hosts":
		return writeLines(hosts), nil
	case "json":
		return func(w io.Writer, v peersView) error { return json.NewEncoder(w).Encode(v) }, nil
	}
	text, ok := strings.CutPrefix(name, "template=")
	if !ok {
		return nil, fmt.Errorf("-o %q: want text, json, hosts, env or template=TEMPLATE", name)
	}
	t, err := template.New("-o").Funcs(template.FuncMap{"join": strings.Join}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("-o: %w", err)
	}
	write := func(w io.Writer, v peersView) error { return t.Execute(w, v) }
	if err := write(io.Discard, newPeersView(peers.Set{Peers: []peers.Peer{{Name: "a"}}}, peers.Change{})); err != nil {
		return nil, fmt.Errorf("-o: %w", err)
	}
	return write, nil
}

func writeLines(lines func(peersView) []string) format {
	return func(w io.Writer, v peersView) error {
		var b strings.Builder
		for _, line := range lines(v) {
			b.WriteString(line + "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
}

// hosts are lines as hosts(5) has them: each address with the name in full, and its
// first label.
func hosts(v peersView) (lines []string) {
	for _, p := range v.Peers {
		for _, a := range p.Addresses {
			if a.String() == p.Name {
				continue // an address without a name
			}
			label, _, _ := strings.Cut(p.Name, ".")
			lines = append(lines, fmt.Sprintf("%s\t%s %s", a, p.Name, label))
		}
	}
	return lines
}

// bytes returns what the format writes of a set.
func (f format) bytes(v peersView) ([]byte, error) {
	var b bytes.Buffer
	err := f(&b, v)
	return b.Bytes(), err
}

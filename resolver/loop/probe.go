package loop

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/zone"
)

// Probe sends probes to addr, an address (host:port) that the server answers at
// over UDP, until the context is done: one at once, and others after what the
// Config says. It must be called once, when the server listens. Where it returns
// there is no loop any more as far as the handler knows.
func (h *Handler) Probe(ctx context.Context, addr string) {
	defer h.set(false)
	reachable := true
	for {
		found, err := h.once(ctx, addr)
		if ctx.Err() != nil {
			return
		}
		wait := h.config.Interval
		switch {
		case err == nil:
			h.set(found)
			reachable = true
		case reachable: // once, and not every time
			h.config.Logger.Warn("loop: a probe was not answered, so that a loop can't be ruled out",
				"zone", h.config.Zone, "at", addr, "err", err)
			reachable = false
		}
		if found || err != nil {
			wait = h.config.Retry
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// set says whether there is a loop, and tells of it if that is news.
func (h *Handler) set(looping bool) {
	if h.looping.Swap(looping) == looping {
		return
	}
	if !looping {
		h.config.Metrics.add(h.config.Zone, -1)
		h.config.Logger.Info("loop: there is no forwarding loop any more", "zone", h.config.Zone)
		return
	}
	h.config.Metrics.add(h.config.Zone, 1)
	h.config.Logger.Error("loop: a forwarding loop. Queries for the zone that would be forwarded are answered SERVFAIL until it is gone: "+
		"let forward name servers that do not ask this one, and no address of this machine. If it names /etc/resolv.conf, "+
		"let the kubelet's resolvConf name the file with the real servers, on systemd /run/systemd/resolve/resolv.conf",
		"zone", h.config.Zone)
}

// once sends one probe and reports whether it went round. An error is that it
// can't be told.
func (h *Handler) once(ctx context.Context, addr string) (bool, error) {
	p, err := newProbe(h.zone)
	if err != nil {
		return false, err
	}
	h.probe.Store(p)
	defer h.probe.Store(nil)
	err = h.ask(ctx, addr, p.name)
	if err == nil && p.passes.Load() <= mostPasses {
		sleep(ctx, h.config.Linger)
	}
	if p.passes.Load() > mostPasses {
		return true, nil
	}
	return false, err
}

// newProbe returns a probe with a name of its own below apex.
func newProbe(apex zone.Name) (*probe, error) {
	// Two labels: resolvers there are that do not forward names of one.
	text := strings.ToLower(rand.Text())
	name := apex
	for _, label := range []string{text[:len(text)/2], text[len(text)/2:]} {
		child, ok := name.Child(label)
		if !ok {
			return nil, fmt.Errorf("%s: too long for names below it to be asked", apex)
		}
		name = child
	}
	return &probe{name: name}, nil
}

// ask asks the server at addr for a name, and waits for whatever the reply is.
func (h *Handler) ask(ctx context.Context, addr string, name zone.Name) error {
	ctx, cancel := context.WithTimeout(ctx, h.config.Timeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	query := question(name)
	if _, err := conn.Write(query); err != nil {
		return fmt.Errorf("sending a probe: %w", err)
	}
	// Only the ID is looked at: a reply that is forged tells no more than none
	// does, as what counts is the passes.
	var reply [wire.MaxUDP]byte
	for {
		n, err := conn.Read(reply[:])
		if err != nil {
			return fmt.Errorf("waiting for a probe's reply: %w", err)
		}
		if n >= wire.HeaderLen && string(reply[:2]) == string(query[:2]) {
			return nil
		}
	}
}

// question returns a packet that asks for a name's HINFO records, with RD.
func question(name zone.Name) []byte {
	packet := make([]byte, wire.HeaderLen, wire.HeaderLen+len(name)+4)
	rand.Read(packet[:2])
	binary.BigEndian.PutUint16(packet[2:], wire.FlagRD)
	packet[5] = 1 // one question
	packet = append(packet, name...)
	packet = binary.BigEndian.AppendUint16(packet, typeHINFO)
	return binary.BigEndian.AppendUint16(packet, wire.ClassIN)
}

// sleep waits, and reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

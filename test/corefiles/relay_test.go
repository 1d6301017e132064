package corefiles

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A relay stands before an upstream. It is what a Corefile's upstream becomes.
type relay struct {
	addr, tlsAddr string // of UDP and TCP, and of DNS over TLS
	to            string // host:port

	mu     sync.Mutex
	asked  []string // "PROTO NAME TYPE" of each question, PROTO being udp, tcp or tls
	silent bool
}

// startRelay starts a relay that ends with the test.
func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	r := &relay{addr: "127.0.0.1:" + freePort(t), tlsAddr: "127.0.0.1:" + freePort(t), to: to}
	for _, s := range []*dns.Server{
		{Net: "udp", Addr: r.addr, Handler: r.as("udp")},
		{Net: "tcp", Addr: r.addr, Handler: r.as("tcp")},
		{Net: "tcp-tls", Addr: r.tlsAddr, Handler: r.as("tls"), TLSConfig: &tls.Config{Certificates: []tls.Certificate{relayCertificate}}},
	} {
		open := make(chan struct{})
		s.NotifyStartedFunc = func() { close(open) }
		failed := make(chan error, 1)
		go func() { failed <- s.ListenAndServe() }()
		select {
		case <-open:
		case err := <-failed:
			t.Fatalf("starting a relay: %v", err)
		}
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Errorf("ending a relay: %v", err)
			}
		})
	}
	return r
}

// as answers what came by a protocol. Names whose first label is "silent" are
// never answered.
func (r *relay) as(proto string) dns.HandlerFunc {
	network := map[string]string{"udp": "udp", "tcp": "tcp", "tls": "tcp"}[proto]
	return func(w dns.ResponseWriter, q *dns.Msg) {
		name := strings.ToLower(q.Question[0].Name)
		r.mu.Lock()
		r.asked = append(r.asked, proto+" "+name+" "+dns.TypeToString[q.Question[0].Qtype])
		silent := r.silent || strings.HasPrefix(name, "silent")
		r.mu.Unlock()
		if silent {
			return
		}
		client := dns.Client{Net: network, Timeout: 2 * time.Second}
		reply, _, err := client.Exchange(q, r.to)
		if err != nil {
			return // as a server does that is not there
		}
		_ = w.WriteMsg(reply) // the asker may have gone
	}
}

// setSilent has the relay answer nothing, or again what it is asked.
func (r *relay) setSilent(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

// count returns how many questions came that contain text.
func (r *relay) count(text string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.asked {
		if strings.Contains(q, text) {
			n++
		}
	}
	return n
}

// all returns the questions that came.
func (r *relay) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

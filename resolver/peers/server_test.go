package peers_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// server is a DNS server of one test, which also does what no real server can be
// made to do. Its records are changed while it runs.
type server struct {
	addr string // 127.0.0.1:port, by UDP and TCP

	mu      sync.Mutex
	records map[string][]dns.RR // by name, lower-case
	fault   func(w dns.ResponseWriter, q, reply *dns.Msg) (done bool)
	asked   []string // "udp nginx. SRV"
}

// serve serves records, given as lines of a zone file, until the test ends.
func serve(t testing.TB, zone string) *server {
	t.Helper()
	s := &server{}
	s.set(t, zone)
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close() // another has that port of UDP
			continue
		}
		s.addr = l.Addr().String()
		for _, d := range []*dns.Server{{Listener: l, Handler: s}, {PacketConn: p, Handler: s}} {
			started := make(chan struct{})
			d.NotifyStartedFunc = func() { close(started) }
			go func() { _ = d.ActivateAndServe() }()
			<-started
			t.Cleanup(func() { _ = d.Shutdown() })
		}
		return s
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

// set replaces the records.
func (s *server) set(t testing.TB, zone string) {
	t.Helper()
	records := make(map[string][]dns.RR)
	p := dns.NewZoneParser(strings.NewReader("$TTL 5\n"+zone), ".", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name := strings.ToLower(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// misbehave has a fault answer in the server's place where it says so.
func (s *server) misbehave(fault func(w dns.ResponseWriter, q, reply *dns.Msg) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// questions returns what was asked since the last call.
func (s *server) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// ServeDNS answers with the records of the name, with the targets' addresses beside
// SRV, cut to what fits by UDP.
func (s *server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	network := w.LocalAddr().Network()
	s.mu.Lock()
	question := q.Question[0]
	s.asked = append(s.asked, network+" "+question.Name+" "+dns.TypeToString[question.Qtype])
	reply := s.reply(q)
	fault := s.fault
	s.mu.Unlock()
	if network == "udp" {
		size := dns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		if reply.Compress = true; reply.Len() > size {
			reply.Extra = nil
			reply.Truncate(size)
		}
	}
	if fault != nil && fault(w, q, reply) {
		return
	}
	_ = w.WriteMsg(reply)
}

func (s *server) reply(q *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(q)
	reply.Authoritative = true
	name := strings.ToLower(q.Question[0].Name)
	for _, rr := range s.records[name] {
		if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
			reply.Answer = append(reply.Answer, rr)
		}
		if srv, ok := rr.(*dns.SRV); ok && len(reply.Answer) > 0 {
			for _, glue := range s.records[strings.ToLower(srv.Target)] {
				if t := glue.Header().Rrtype; t == dns.TypeA || t == dns.TypeAAAA {
					reply.Extra = append(reply.Extra, glue)
				}
			}
		}
	}
	if len(s.records[name]) == 0 {
		reply.Rcode = dns.RcodeNameError
		for other := range s.records {
			if strings.HasSuffix(other, "."+name) {
				reply.Rcode = dns.RcodeSuccess // an empty non-terminal
			}
		}
	}
	return reply
}

// rcode is a fault: every reply has that code and nothing else.
func rcode(code int) func(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool {
	return func(w dns.ResponseWriter, q, _ *dns.Msg) bool {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, code))
		return true
	}
}

// silence is a fault: no reply at all.
func silence(dns.ResponseWriter, *dns.Msg, *dns.Msg) bool { return true }

// patient is how long a test waits for what has to come.
const patient = 30 * time.Second

package resolvertest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// ndots is how many dots a name of a pod must have to be tried as it is before the
// search path is walked: what kubelet writes into resolv.conf.
const ndots = 5

// searchPath is that of a pod.
type searchPath struct {
	zone    string // of the cluster; no final dot, as all here
	domains []string
}

// names returns the names to ask for in the place of one, in order. All are
// absolute, with a final dot.
func (p *searchPath) names(name string) []string {
	name = strings.TrimSuffix(name, ".")
	whole := name + "."
	for _, zone := range []string{p.zone, "in-addr.arpa", "ip6.arpa"} {
		if dns.IsSubDomain(dns.Fqdn(zone), whole) {
			return []string{whole}
		}
	}
	var names []string
	for _, domain := range p.domains {
		below := name + "." + domain + "."
		if _, ok := dns.IsDomainName(below); ok && name != "" {
			names = append(names, below)
		}
	}
	if strings.Count(name, ".") >= ndots {
		return append([]string{whole}, names...)
	}
	return append(names, whole)
}

// wrap returns a connection to a DNS server that walks the path for each question
// that is written to it. One question at a time is, and its reply read.
func (p *searchPath) wrap(c net.Conn) net.Conn {
	if udp, ok := c.(*net.UDPConn); ok {
		return &packetSearch{UDPConn: udp, path: p}
	}
	return &streamSearch{Conn: c, path: p}
}

// packetSearch is over UDP. It is a net.PacketConn, by which Go's resolver tells.
type packetSearch struct {
	*net.UDPConn
	path    *searchPath
	pending []byte // a question, until its reply is read
}

// Write takes a question.
func (c *packetSearch) Write(b []byte) (int, error) {
	c.pending = append([]byte(nil), b...)
	return len(b), nil
}

// Read returns its reply.
func (c *packetSearch) Read(b []byte) (int, error) {
	if c.pending == nil {
		return c.UDPConn.Read(b)
	}
	question := c.pending
	c.pending = nil
	reply, err := c.path.search(question, true, func(q []byte) ([]byte, error) {
		if _, err := c.UDPConn.Write(q); err != nil {
			return nil, err
		}
		buf := make([]byte, dns.MaxMsgSize)
		n, err := c.UDPConn.Read(buf)
		return buf[:n], err
	})
	return copy(b, reply), err
}

// streamSearch is over TCP: messages have their length before them (RFC 1035 section
// 4.2.2).
type streamSearch struct {
	net.Conn
	path    *searchPath
	written []byte // of a question
	reply   []byte // what was not read yet
}

const lengthPrefix = 2

// Write takes a question, or a part of one.
func (c *streamSearch) Write(b []byte) (int, error) {
	c.written = append(c.written, b...)
	return len(b), nil
}

// Read returns its reply, or a part of it.
func (c *streamSearch) Read(b []byte) (int, error) {
	if len(c.reply) == 0 {
		if len(c.written) < lengthPrefix || len(c.written)-lengthPrefix < int(binary.BigEndian.Uint16(c.written)) {
			return c.Conn.Read(b) // nothing was asked
		}
		question := c.written[lengthPrefix:]
		c.written = nil
		reply, err := c.path.search(question, false, c.exchange)
		if err != nil {
			return 0, err
		}
		c.reply = append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)
	}
	n := copy(b, c.reply)
	c.reply = c.reply[n:]
	return n, nil
}

func (c *streamSearch) exchange(q []byte) ([]byte, error) {
	if _, err := c.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
		return nil, err
	}
	var length [lengthPrefix]byte
	if _, err := io.ReadFull(c.Conn, length[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(c.Conn, reply)
	return reply, err
}

// errQuestion is for what is no message with one question.
var errQuestion = errors.New("not a DNS message with one question")

// search asks for the names of the path, until one exists, and returns the reply as
// one to question. Packets says that it must not be longer than its client takes.
func (p *searchPath) search(question []byte, packets bool, exchange func([]byte) ([]byte, error)) ([]byte, error) {
	asked := new(dns.Msg)
	if err := asked.Unpack(question); err != nil || len(asked.Question) != 1 {
		return nil, errors.Join(errQuestion, err)
	}
	var reply *dns.Msg
	found := ""
	for _, name := range p.names(asked.Question[0].Name) {
		q := asked.Copy()
		q.Question[0].Name = name
		packet, err := q.Pack()
		if err != nil {
			return nil, err
		}
		raw, err := exchange(packet)
		if err != nil {
			return nil, err
		}
		reply, found = new(dns.Msg), name
		if err := reply.Unpack(raw); err != nil || reply.Id != asked.Id || len(reply.Question) != 1 {
			return nil, errors.Join(errQuestion, err)
		}
		if reply.Rcode != dns.RcodeNameError {
			break // it exists, whatever it has, or it can't be told: the resolver asks again
		}
	}
	return finish(asked, reply, found, packets)
}

// finish makes a reply about the name found one to what was asked.
func finish(asked, reply *dns.Msg, found string, packets bool) ([]byte, error) {
	name := asked.Question[0].Name
	reply.Question[0].Name = name
	if len(reply.Answer) > 0 && !strings.EqualFold(found, name) {
		alias := &dns.CNAME{Target: found, Hdr: dns.RR_Header{
			Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: reply.Answer[0].Header().Ttl,
		}}
		reply.Answer = append([]dns.RR{alias}, reply.Answer...)
	}
	reply.Compress = true
	if packets {
		size := dns.MinMsgSize
		if opt := asked.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		reply.Truncate(size) // it has one record more than what was made to fit
	}
	return reply.Pack()
}

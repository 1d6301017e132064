package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// The lengths of a cookie option's parts (RFC 7873 section 4, RFC 9018 section 4).
const (
	clientCookie = 8
	serverCookie = 16
)

// cookieRows are about DNS cookies (RFC 7873) of the interoperable form (RFC
// 9018).
func cookieRows(s server) []row {
	client := []byte{0xc0, 0xff, 0xee, 4, 5, 6, 7, 8}
	with := func(cookie ...byte) []byte {
		return query(ask(s.zone, dns.TypeSOA), edns(1232, option(optCookie, cookie...)))
	}
	forged := append(bytes.Clone(client), 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	var lengths [][]byte
	for _, n := range []int{0, 7, 9, 15, 41} {
		lengths = append(lengths, with(make([]byte, n)...))
	}
	// A server without cookies takes the option for an unknown one.
	offered := func(then func(context.Context, server, bool) error) func(context.Context, server, bool) error {
		return func(ctx context.Context, s server, tcp bool) error {
			if err := replies(offersCookie, with(client...))(ctx, s, tcp); err != nil {
				return err
			}
			return then(ctx, s, tcp)
		}
	}
	return []row{
		{number: 75, title: "a client's cookie is answered with a server's", reason: "RFC 7873 section 5.2.3; RFC 9018 section 4", over: both,
			query: with(client...), expect: all(offersCookie, rcode(dns.RcodeSuccess, dns.RcodeBadCookie), interoperable(client))},
		{number: 75, title: "two clients' cookies differ", reason: "RFC 9018 section 4.4", over: both,
			talk: offered(differ)},
		{number: 76, title: "the server's own cookie is taken", reason: "RFC 7873 section 5.2.5", over: both,
			talk: offered(func(ctx context.Context, s server, tcp bool) error {
				x, err := s.exchange(ctx, tcp, with(client...))
				if err != nil {
					return err
				}
				whole, _ := x.optionData(optCookie)
				return replies(all(soaAnswer, opt, interoperable(client)), with(whole...))(ctx, s, tcp)
			})},
		{number: 77, title: "a forged one gets a good one, with the answer or BADCOOKIE", reason: "RFC 7873 section 5.2.4", over: udp,
			talk: offered(replies(all(either(soaAnswer, rcode(dns.RcodeBadCookie)), interoperable(client), notEchoed(optCookie, forged...)), with(forged...)))},
		{number: 77, title: "over TCP with the answer", reason: "RFC 7873 section 5.2.3", over: tcp,
			talk: offered(replies(all(soaAnswer, interoperable(client), notEchoed(optCookie, forged...)), with(forged...)))},
		{number: 77, title: "a cookie of a length that none has: FORMERR", reason: "RFC 7873 section 5.2.2", over: both,
			talk: offered(replies(formErr, lengths...))},
	}
}

func offersCookie(x *exchange) error {
	if _, ok := x.optionData(optCookie); !ok {
		return notOffered("cookies")
	}
	return nil
}

// soundCookie wants the client's cookie and 8 to 32 octets of the server's, or no
// cookie.
func soundCookie(client []byte) check {
	return func(x *exchange) error {
		data, ok := x.optionData(optCookie)
		if !ok {
			return nil
		}
		if !bytes.HasPrefix(data, client) || len(data) < 2*clientCookie || len(data) > 5*clientCookie {
			return fmt.Errorf("a cookie of %d octets came", len(data))
		}
		return nil
	}
}

// interoperable wants a server's cookie of version 1, made within the last
// minutes.
func interoperable(client []byte) check {
	return func(x *exchange) error {
		data, ok := x.optionData(optCookie)
		switch {
		case !ok:
			return errors.New("no cookie")
		case !bytes.HasPrefix(data, client) || len(data) != clientCookie+serverCookie:
			return fmt.Errorf("a cookie of %d octets", len(data))
		case !bytes.Equal(data[clientCookie:clientCookie+4], []byte{1, 0, 0, 0}):
			return fmt.Errorf("a cookie that is not of version 1: %x", data[clientCookie:clientCookie+4])
		}
		// The timestamp is in serial number arithmetic (RFC 1982).
		made := binary.BigEndian.Uint32(data[clientCookie+4:])
		age := time.Duration(int32(uint32(time.Now().Unix())-made)) * time.Second
		if age < -5*time.Minute || age > time.Hour {
			return errors.New("a cookie of another time")
		}
		return nil
	}
}

// differ wants cookies for two clients whose server's parts differ.
func differ(ctx context.Context, s server, tcp bool) error {
	var seen []byte
	for _, client := range [][]byte{{1, 1, 1, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 2, 2, 2, 2}} {
		x, err := s.exchange(ctx, tcp, query(ask(s.zone, dns.TypeSOA), edns(1232, option(optCookie, client...))))
		if err != nil {
			return err
		}
		data, _ := x.optionData(optCookie)
		if len(data) <= 2*clientCookie {
			return fmt.Errorf("a cookie of %d octets", len(data))
		}
		hash := data[len(data)-8:]
		if bytes.Equal(hash, seen) {
			return errors.New("they are the same")
		}
		seen = bytes.Clone(hash)
	}
	return nil
}

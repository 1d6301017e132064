package forward

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// mediaType is of DNS messages in HTTP (RFC 8484 section 6).
const mediaType = "application/dns-message"

// newHTTP returns a client that connects to the upstream's address alone, whatever
// name the URL has, and follows no redirection. A connection by which nothing comes
// for as long as an exchange may take is probed, and closed after as long again: an
// exchange that is given up leaves it open for others (RFC 9113 section 6.4), and if
// something on the way has forgotten it, no query would get through any more.
func (u *upstream) newHTTP() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return u.dialer(time.Time{}).DialContext(ctx, "tcp", u.to)
			},
			TLSClientConfig:        u.tls,
			ForceAttemptHTTP2:      true,
			HTTP2:                  &http.HTTP2Config{SendPingTimeout: u.config.ReadTimeout, PingTimeout: u.config.ReadTimeout},
			IdleConnTimeout:        u.config.Expire,
			MaxIdleConnsPerHost:    max(u.config.MaxIdleConns, http.DefaultMaxIdleConnsPerHost),
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// askHTTPS has one exchange by HTTPS. The ID is 0 (RFC 8484 section 4.1): TLS
// keeps others from answering.
func (u *upstream) askHTTPS(q *query, deadline time.Time) (*answer, error) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	q.packet[0], q.packet[1] = 0, 0
	request, err := u.request(ctx, q.packet)
	if err != nil {
		return nil, err
	}
	response, err := u.http.Do(request)
	if err != nil {
		var told *url.Error
		if errors.As(err, &told) {
			err = told.Err // without the URL, which may hold the query
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	if t, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";"); t != mediaType {
		return nil, fmt.Errorf("%w: Content-Type %q", errMalformed, t)
	}
	msg, err := io.ReadAll(io.LimitReader(response.Body, wire.MaxTCP+1))
	switch {
	case err != nil:
		return nil, err
	case len(msg) > wire.MaxTCP || !q.matches(msg):
		return nil, fmt.Errorf("%w: of another question", errMalformed)
	case isTruncated(msg):
		return nil, errTruncatedStream
	}
	return readAnswer(msg)
}

// closeHTTP closes connections that are idle.
func (u *upstream) closeHTTP() {
	if u.http != nil {
		u.http.CloseIdleConnections()
	}
}

// request returns the HTTP request for a packet.
func (u *upstream) request(ctx context.Context, packet []byte) (*http.Request, error) {
	target := url.URL{Scheme: "https", Host: u.to, Path: "/dns-query"}
	var body io.Reader
	if u.config.DoHMethod == http.MethodGet {
		target.RawQuery = "dns=" + base64.RawURLEncoding.EncodeToString(packet)
	} else {
		body = bytes.NewReader(packet)
	}
	r, err := http.NewRequestWithContext(ctx, u.config.DoHMethod, target.String(), body)
	if err != nil {
		return nil, err
	}
	if name := u.tls.ServerName; net.ParseIP(name) == nil {
		r.Host = name
	}
	r.Header.Set("Accept", mediaType)
	if body != nil {
		r.Header.Set("Content-Type", mediaType)
	}
	return r, nil
}

package cookies

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/dchest/siphash"
)

// Len is the length of a server cookie, in octets (RFC 9018 section 4).
const Len = 16

// SecretLen is the length of a secret, in octets.
const SecretLen = 16

// Validity of a server cookie's time (RFC 9018 section 4.3).
const (
	maxAge   = time.Hour
	maxAhead = 5 * time.Minute
)

// ErrSecret is returned for text that is no secret.
var ErrSecret = errors.New("a cookie secret is 32 hexadecimal digits")

// Secret is what server cookies are made with.
type Secret struct{ k0, k1 uint64 }

// ParseSecret reads a secret from its 32 hexadecimal digits.
func ParseSecret(text string) (Secret, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != SecretLen {
		return Secret{}, ErrSecret
	}
	return secret([SecretLen]byte(b)), nil
}

// secret reads a key as SipHash does.
func secret(b [SecretLen]byte) Secret {
	return Secret{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
}

// Jar makes and checks cookies. It never changes, and is safe for concurrent use.
type Jar struct {
	secrets []Secret // the first makes cookies, all are accepted
}

// New returns a Jar of some secrets, the first of which makes cookies; without
// any, of a random one, whose cookies no other process accepts.
func New(secrets ...Secret) (*Jar, error) {
	if len(secrets) == 0 {
		var b [SecretLen]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("cookie secret: %w", err)
		}
		secrets = []Secret{secret(b)}
	}
	return &Jar{secrets}, nil
}

// Make appends to dst the server cookie for a client's cookie of 8 octets, and
// its address.
func (j *Jar) Make(dst, client []byte, from netip.Addr, now time.Time) []byte {
	return j.secrets[0].append(dst, client, from, uint32(now.Unix()))
}

// Valid reports whether cookie, a client's and then a server's, is one that a
// server with one of the secrets made for the address, not too long ago.
func (j *Jar) Valid(cookie []byte, from netip.Addr, now time.Time) bool {
	const client = 8
	if len(cookie) != client+Len || cookie[client] != version {
		return false
	}
	made := binary.BigEndian.Uint32(cookie[client+4:])
	// Serial number arithmetic (RFC 1982), as the time wraps in 2106.
	age := time.Duration(int32(uint32(now.Unix())-made)) * time.Second
	if age > maxAge || age < -maxAhead {
		return false
	}
	var buf [Len]byte
	for _, s := range j.secrets {
		want := s.append(buf[:0], cookie[:client], from, made)
		if subtle.ConstantTimeCompare(want, cookie[client:]) == 1 {
			return true
		}
	}
	return false
}

// version is that of the server cookie's form.
const version = 1

// append appends a server cookie: version, three reserved octets, time, hash.
func (s Secret) append(dst, client []byte, from netip.Addr, unix uint32) []byte {
	start := len(dst)
	dst = append(dst, version, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, unix)
	var buf [8 + 8 + 16]byte
	input := append(append(buf[:0], client...), dst[start:]...)
	if from = from.Unmap(); from.Is4() {
		a := from.As4()
		input = append(input, a[:]...)
	} else {
		a := from.As16()
		input = append(input, a[:]...)
	}
	return binary.LittleEndian.AppendUint64(dst, siphash.Hash(s.k0, s.k1, input))
}

package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of RFC 1035 section 2.3.4, in octets.
const (
	MaxName  = 255 // a name in wire form, with the root's zero
	MaxLabel = 63
)

// Errors returned for text that is no domain name.
var (
	ErrLabelEmpty = errors.New("empty label")
	ErrLabelLong  = errors.New("label longer than 63 octets")
	ErrNameLong   = errors.New("name longer than 255 octets")
	ErrEscape     = errors.New("bad escape, want \\X or \\DDD")
)

// Name is an absolute domain name in uncompressed wire form, ASCII letters in
// lower case: a length octet before each label, and a zero at the end. Being a
// string it compares and hashes as names do (RFC 4343). The zero value is no
// name.
type Name string

// Root is the name of the root zone.
const Root = Name("\x00")

// ParseName turns presentation form (RFC 1035 section 5.1, with \X and \DDD
// escapes) into a Name. A missing final dot is no error: every name is absolute.
func ParseName(text string) (Name, error) {
	if text == "" || text == "." {
		return Root, nil
	}
	buf := make([]byte, 1, len(text)+2)
	start := 0 // of the label being read: its length octet
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '.' {
			if err := closeLabel(buf, start); err != nil {
				return "", fmt.Errorf("name %q: %w", text, err)
			}
			start = len(buf)
			buf = append(buf, 0)
			continue
		}
		if c == '\\' {
			octet, n, ok := unescape(text[i+1:])
			if !ok {
				return "", fmt.Errorf("name %q: %w", text, ErrEscape)
			}
			c, i = octet, i+n
		}
		buf = append(buf, lower(c))
	}
	if len(buf)-1 > start { // no final dot
		if err := closeLabel(buf, start); err != nil {
			return "", fmt.Errorf("name %q: %w", text, err)
		}
		buf = append(buf, 0)
	}
	if len(buf) > MaxName {
		return "", fmt.Errorf("name %q: %w", text, ErrNameLong)
	}
	return Name(buf), nil
}

// MustParseName is ParseName for names that are constants of the program: it
// panics on an error.
func MustParseName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

func closeLabel(buf []byte, start int) error {
	switch n := len(buf) - start - 1; {
	case n == 0:
		return ErrLabelEmpty
	case n > MaxLabel:
		return ErrLabelLong
	default:
		buf[start] = byte(n)
		return nil
	}
}

// unescape reads what follows a backslash: the octet, and how many bytes of s
// it took.
func unescape(s string) (octet byte, n int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, true
	}
	if len(s) < 3 {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(s[:3], 10, 8)
	return byte(v), 3, err == nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// String returns the name in presentation form with its final dot.
func (n Name) String() string {
	if n == Root {
		return "."
	}
	var b strings.Builder
	for ; len(n) > 1; n = n.Parent() {
		for _, c := range []byte(n.Label()) {
			switch {
			case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < '!' || c > '~':
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// Label returns the leftmost label, without its length; empty for the root.
func (n Name) Label() string { return string(n[1 : 1+n[0]]) }

// Parent returns the name without its leftmost label. The root has none: it
// must not be asked.
func (n Name) Parent() Name { return n[1+n[0]:] }

// Labels returns how many labels the name has; the root has none.
func (n Name) Labels() int {
	count := 0
	for ; len(n) > 1; n = n.Parent() {
		count++
	}
	return count
}

// Child returns label.n. It reports false, with no name, if the label is empty
// or too long, or the name would be. The label's letters must be lower-case.
func (n Name) Child(label string) (Name, bool) {
	if label == "" || len(label) > MaxLabel || 1+len(label)+len(n) > MaxName {
		return "", false
	}
	return Name([]byte{byte(len(label))}) + Name(label) + n, true
}

// IsBelow reports whether n is zone itself or a name beneath it.
func (n Name) IsBelow(zone Name) bool { return IsBelow([]byte(n), zone) }

// IsBelow reports whether name, in lower-case wire form, is zone itself or
// beneath it: it ends in zone, where a label begins.
func IsBelow(name []byte, zone Name) bool {
	at := len(name) - len(zone)
	if at < 0 || string(name[at:]) != string(zone) {
		return false
	}
	i := 0
	for i < at {
		i += 1 + int(name[i])
	}
	return i == at
}

// Compare orders names canonically (RFC 4034 section 6.1): by label from the
// root down, a parent before its children.
func (n Name) Compare(o Name) int {
	var a, b [MaxName / 2]uint8
	i, j := n.labels(&a), o.labels(&b)
	for i > 0 && j > 0 {
		i, j = i-1, j-1
		if c := strings.Compare(n[a[i]:].Label(), o[b[j]:].Label()); c != 0 {
			return c
		}
	}
	return i - j
}

// labels notes where each label but the root's begins, and returns how many.
func (n Name) labels(at *[MaxName / 2]uint8) int {
	count := 0
	for i := 0; n[i] != 0; i += 1 + int(n[i]) {
		at[count] = uint8(i)
		count++
	}
	return count
}

// Apexes of the reverse trees: RFC 1035 section 3.5 and RFC 3596 section 2.5.
const (
	reverse4 = Name("\x07in-addr\x04arpa\x00")
	reverse6 = Name("\x03ip6\x04arpa\x00")
)

// IsReverse reports whether the name is in in-addr.arpa or ip6.arpa.
func (n Name) IsReverse() bool { return n.IsBelow(reverse4) || n.IsBelow(reverse6) }

// ReverseName returns the name that holds addr's PTR records.
func ReverseName(addr netip.Addr) Name {
	const digits = "0123456789abcdef"
	var buf [MaxName]byte
	b := buf[:0]
	if addr.Is4() {
		a := addr.As4()
		for i := 3; i >= 0; i-- {
			at := len(b)
			b = strconv.AppendUint(append(b, 0), uint64(a[i]), 10)
			b[at] = byte(len(b) - at - 1)
		}
		return Name(append(b, reverse4...))
	}
	a := addr.As16()
	for i := 15; i >= 0; i-- {
		b = append(b, 1, digits[a[i]&15], 1, digits[a[i]>>4])
	}
	return Name(append(b, reverse6...))
}

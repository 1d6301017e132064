package log

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// The formats that have names, {common} and {combined}.
const (
	Common   = `{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}`
	Combined = Common + ` "{>opcode}"`
)

// Format is the text of a log line, split into what stands for itself and what
// stands for a value. The zero value is an empty line.
type Format struct {
	text  string
	parts []part
}

// part is text and the value after it.
type part struct {
	text  string
	value appender // nil for the text at the end
}

// appender appends one value.
type appender func(dst []byte, v *Values) []byte

// placeholder matches what is meant as one. Other braces, as those of JSON
// around placeholders, are text.
var placeholder = regexp.MustCompile(`\{[>/]?[A-Za-z][A-Za-z0-9_/.-]*\}`)

// ParseFormat splits a format. It is an error if it has a placeholder that does
// not exist; {/label} is for metadata, and always does.
func ParseFormat(text string) (Format, error) {
	expanded := strings.NewReplacer("{common}", Common, "{combined}", Combined).Replace(text)
	f := Format{text: text}
	known := placeholders()
	at := 0
	for _, m := range placeholder.FindAllStringIndex(expanded, -1) {
		name := expanded[m[0]+1 : m[1]-1]
		value, ok := known[name]
		switch {
		case !ok && name[0] == '/':
			value = labelled(name[1:])
		case !ok:
			return Format{}, fmt.Errorf("unknown placeholder {%s} (known: common, combined, %s)",
				name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		f.parts = append(f.parts, part{expanded[at:m[0]], value})
		at = m[1]
	}
	if at < len(expanded) {
		f.parts = append(f.parts, part{text: expanded[at:]})
	}
	return f, nil
}

// String returns the format as it was written.
func (f Format) String() string { return f.text }

// Append appends a line without line break.
func (f Format) Append(dst []byte, v *Values) []byte {
	for _, p := range f.parts {
		dst = append(dst, p.text...)
		if p.value != nil {
			dst = p.value(dst, v)
		}
	}
	return dst
}

// placeholders returns how each placeholder's value is appended.
func placeholders() map[string]appender {
	return map[string]appender{
		"remote":   func(dst []byte, v *Values) []byte { return appendAddr(dst, v.Remote.Addr()) },
		"port":     func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.Remote.Port())) },
		"local":    func(dst []byte, v *Values) []byte { return appendAddr(dst, v.Local) },
		"proto":    func(dst []byte, v *Values) []byte { return append(dst, v.Proto...) },
		"name":     func(dst []byte, v *Values) []byte { return append(dst, v.Name...) },
		"type":     func(dst []byte, v *Values) []byte { return appendCode(dst, v.Type, dns.TypeToString, "TYPE") },
		"class":    func(dst []byte, v *Values) []byte { return appendCode(dst, v.Class, dns.ClassToString, "CLASS") },
		"size":     func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.Size)) },
		">id":      func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.ID)) },
		">opcode":  func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.Opcode)) },
		">do":      func(dst []byte, v *Values) []byte { return strconv.AppendBool(dst, v.DO) },
		">bufsize": func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.BufSize)) },
		"duration": func(dst []byte, v *Values) []byte {
			return append(strconv.AppendFloat(dst, v.Duration.Seconds(), 'f', -1, 64), 's')
		},

		"rcode":      replied(func(dst []byte, v *Values) []byte { return appendRcode(dst, v.Rcode) }),
		"rsize":      replied(func(dst []byte, v *Values) []byte { return appendUint(dst, uint64(v.ReplySize)) }),
		">rflags":    replied(func(dst []byte, v *Values) []byte { return appendFlags(dst, v.Flags) }),
		"/log/class": replied(func(dst []byte, v *Values) []byte { return append(dst, v.AnswerClass.String()...) }),
		"/log/type":  replied(func(dst []byte, v *Values) []byte { return append(dst, v.AnswerType...) }),
	}
}

// unset appends what stands for a value that there is none of.
func unset(dst []byte, _ *Values) []byte { return append(dst, '-') }

// labelled appends what handlers told by a label, where the server block has
// metadata.
func labelled(label string) appender {
	return func(dst []byte, v *Values) []byte {
		if value, ok := v.Labels[label]; ok && value != "" {
			return append(dst, value...)
		}
		return unset(dst, v)
	}
}

// replied makes a value of the reply unset where there is no reply.
func replied(value appender) appender {
	return func(dst []byte, v *Values) []byte {
		if v.NoReply {
			return unset(dst, v)
		}
		return value(dst, v)
	}
}

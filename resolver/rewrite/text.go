package rewrite

import (
	"github.com/rollcall-dns/rollcall/zone"
)

// appendText appends a name, given in wire form, as miekg/dns writes it: the form
// that rules are written for and that records come back in.
func appendText(dst, name []byte) []byte {
	if len(name) == 1 {
		return append(dst, '.')
	}
	for name[0] != 0 {
		label := name[1 : 1+name[0]]
		for _, c := range label {
			switch c {
			case '.', ' ', '\'', '@', ';', '(', ')', '"', '\\':
				dst = append(dst, '\\', c)
			default:
				if c < ' ' || c > '~' {
					dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
				} else {
					dst = append(dst, c)
				}
			}
		}
		dst = append(dst, '.')
		name = name[1+len(label):]
	}
	return dst
}

// canonical returns a name's text in lower case and as appendText has it.
func canonical(text string) (string, error) {
	name, err := zone.ParseName(text)
	if err != nil {
		return "", err
	}
	return string(appendText(nil, []byte(name))), nil
}

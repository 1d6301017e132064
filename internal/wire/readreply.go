package wire

import "encoding/binary"

// optRecord is what is of use in the OPT record of another server's reply (RFC 6891
// section 6.1.3).
type optRecord struct {
	present bool
	rcode   Rcode          // upper bits
	ede     *ExtendedError // the first, nil for none
}

// ReadReply returns the message in msg, which it keeps, without its OPT record, and
// whether it has one. Any octets may be given to it. It takes what ReadMessage takes that is also as
// nearly all replies are: an OPT record is the last one, owners of answers are
// compressed, TTLs are at most 2^31-1, and types are of those whose RDATA is
// checked whole. Else it returns ErrMessage.
//
// Fast path: it allocates the message and the places of its records, and an Extended
// DNS Error if there is one.
func ReadReply(msg []byte) (m *Message, hasOPT bool, err error) {
	var opt optRecord
	m, err = readMessage(msg, &opt)
	return m, opt.present, err
}

// isUsual reports whether ReadReply takes a well-formed record, whose fixed part
// begins at a place in it.
func isUsual(rr []byte, fixed int, s Section) bool {
	return layoutOf(binary.BigEndian.Uint16(rr[fixed:])).tail != anything && rr[fixed+4]&0x80 == 0 && (s != Answer || fixed <= 2)
}

// read reads an OPT record. It reports false if it is not well formed.
func (o *optRecord) read(rr []byte) bool {
	if rr[0] != 0 { // its owner is the root
		return false
	}
	o.present, o.rcode = true, Rcode(rr[5])<<4
	for options := rr[optFixed:]; len(options) > 0; {
		if len(options) < 4 {
			return false
		}
		code, end := binary.BigEndian.Uint16(options), 4+int(binary.BigEndian.Uint16(options[2:]))
		if end > len(options) {
			return false
		}
		if data := options[4:end]; code == optEDE && o.ede == nil && len(data) >= 2 {
			o.ede = &ExtendedError{EDE(binary.BigEndian.Uint16(data)), string(data[2:])}
		}
		options = options[end:]
	}
	return true
}

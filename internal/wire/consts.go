package wire

// Rcode is a response code, extended ones (RFC 6891 section 6.1.3) included.
type Rcode uint16

// Response codes that this server gives, or passes on.
const (
	NoError  Rcode = 0
	FormErr  Rcode = 1
	ServFail Rcode = 2
	NXDomain Rcode = 3
	NotImp   Rcode = 4
	Refused  Rcode = 5
	YXDomain Rcode = 6
	YXRRSet  Rcode = 7
	NXRRSet  Rcode = 8
	NotAuth  Rcode = 9
	NotZone  Rcode = 10
	BadVers  Rcode = 16
)

// String returns the mnemonic, as dig and metrics spell it.
func (r Rcode) String() string {
	switch r {
	case NoError:
		return "NOERROR"
	case FormErr:
		return "FORMERR"
	case ServFail:
		return "SERVFAIL"
	case NXDomain:
		return "NXDOMAIN"
	case NotImp:
		return "NOTIMP"
	case Refused:
		return "REFUSED"
	case YXDomain:
		return "YXDOMAIN"
	case YXRRSet:
		return "YXRRSET"
	case NXRRSet:
		return "NXRRSET"
	case NotAuth:
		return "NOTAUTH"
	case NotZone:
		return "NOTZONE"
	case BadVers:
		return "BADVERS"
	}
	return "RCODE" + uitoa(uint16(r))
}

func uitoa(v uint16) string {
	var b [5]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + v%10)
		if v /= 10; v == 0 {
			return string(b[i:])
		}
	}
}

// Types of resource records and questions.
const (
	TypeA     uint16 = 1
	TypeNS    uint16 = 2
	TypeCNAME uint16 = 5
	TypeSOA   uint16 = 6
	TypePTR   uint16 = 12
	TypeTXT   uint16 = 16
	TypeAAAA  uint16 = 28
	TypeSRV   uint16 = 33
	TypeOPT   uint16 = 41
	TypeTKEY  uint16 = 249
	TypeTSIG  uint16 = 250
	TypeIXFR  uint16 = 251
	TypeAXFR  uint16 = 252
	TypeANY   uint16 = 255
)

// Classes.
const (
	ClassIN  uint16 = 1
	ClassCH  uint16 = 3
	ClassANY uint16 = 255
)

// Bits of the header's second 16 bits, and of the EDNS flags.
const (
	FlagQR uint16 = 1 << 15
	FlagAA uint16 = 1 << 10
	FlagTC uint16 = 1 << 9
	FlagRD uint16 = 1 << 8
	FlagRA uint16 = 1 << 7
	FlagAD uint16 = 1 << 5
	FlagCD uint16 = 1 << 4

	flagDO uint16 = 1 << 15 // of EDNS

	opcodeMask  uint16 = 0xf << 11
	opcodeQuery uint16 = 0
	// OpcodeNotify is RFC 1996's opcode, as Query.Opcode gives it.
	OpcodeNotify = 4
)

// Sizes, in octets.
const (
	HeaderLen = 12
	MinUDP    = 512   // RFC 1035 section 4.2.1
	MaxUDP    = 1232  // what crosses any IPv6 path whole (DNS flag day 2020)
	UDPBuffer = 4096  // the most that a reply over UDP may be configured to have
	MaxTCP    = 65535 // RFC 1035 section 4.2.2
)

// ExtendedError is an Extended DNS Error (RFC 8914 section 2). Text may be empty.
type ExtendedError struct {
	Code EDE
	Text string
}

// EDE is an INFO-CODE of an Extended DNS Error (RFC 8914 section 4).
type EDE uint16

// Extended DNS Errors that this server gives.
const (
	OtherError    EDE = 0 // the text says it
	StaleAnswer   EDE = 3
	CachedError   EDE = 13
	NotReady      EDE = 14
	Blocked       EDE = 15
	Prohibited    EDE = 18
	StaleNXDomain EDE = 19
	NotOurs       EDE = 20 // "Not Authoritative"
	NotSupported  EDE = 21
	NoReachable   EDE = 22 // "No Reachable Authority"
	NetworkError  EDE = 23
)

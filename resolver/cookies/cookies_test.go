package cookies_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/resolver/cookies"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors are the test vectors of RFC 9018 appendix A.
func TestVectors(t *testing.T) {
	const first, second = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
	tests := []struct {
		name, secret, client, from string
		now                        int64
		want                       string
	}{
		{"A.1 learning a new cookie", first, "2464c4abcf10c957", "198.51.100.100", 1559731985,
			"010000005cf79f111f8130c3eee29480"},
		{"A.2 the same client later", first, "2464c4abcf10c957", "198.51.100.100", 1559734385,
			"010000005cf7a871d4a564a1442aca77"},
		{"A.4 IPv6, another secret", second, "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961,
			"010000005cf7c609a6bb79d16625507a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secret, err := cookies.ParseSecret(tt.secret)
			if err != nil {
				t.Fatal(err)
			}
			jar, err := cookies.New(secret)
			if err != nil {
				t.Fatal(err)
			}
			got := jar.Make(nil, unhex(t, tt.client), netip.MustParseAddr(tt.from), time.Unix(tt.now, 0))
			if hex.EncodeToString(got) != tt.want {
				t.Errorf("server cookie %x, want %s", got, tt.want)
			}
		})
	}
}

func TestValid(t *testing.T) {
	old, _ := cookies.ParseSecret("00112233445566778899aabbccddeeff")
	next, _ := cookies.ParseSecret("ffeeddccbbaa99887766554433221100")
	jar, err := cookies.New(next, old)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := cookies.New(old)
	stranger, _ := cookies.New()
	client, from, now := []byte("abcdefgh"), netip.MustParseAddr("192.0.2.1"), time.Unix(1_700_000_000, 0)
	made := func(j *cookies.Jar, at time.Time) []byte { return j.Make([]byte("abcdefgh"), client, from, at) }
	tests := []struct {
		name   string
		cookie []byte
		from   string
		want   bool
		reason string
	}{
		{"fresh", made(jar, now), "192.0.2.1", true, "RFC 9018 section 4.3"},
		{"mapped address", made(jar, now), "::ffff:192.0.2.1", true, "one client, however it is written"},
		{"an hour old", made(jar, now.Add(-time.Hour)), "192.0.2.1", true, "RFC 9018 section 4.3"},
		{"older", made(jar, now.Add(-time.Hour-time.Second)), "192.0.2.1", false, "RFC 9018 section 4.3"},
		{"five minutes ahead", made(jar, now.Add(5*time.Minute)), "192.0.2.1", true, "RFC 9018 section 4.3"},
		{"further ahead", made(jar, now.Add(5*time.Minute+time.Second)), "192.0.2.1", false, "RFC 9018 section 4.3"},
		{"of the secret before", made(before, now), "192.0.2.1", true, "RFC 9018 section 5: rollover"},
		{"of another server", made(stranger, now), "192.0.2.1", false, "RFC 9018 section 4.4"},
		{"of another address", made(jar, now), "192.0.2.2", false, "RFC 9018 section 4.4"},
		{"of another client's cookie", append([]byte("ABCDEFGH"), made(jar, now)[8:]...), "192.0.2.1", false, "RFC 9018 section 4.4"},
		{"client's alone", client, "192.0.2.1", false, "nothing to check"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := jar.Valid(tt.cookie, netip.MustParseAddr(tt.from), now); got != tt.want {
				t.Errorf("Valid = %v, want %v\nreason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

func TestParseSecretErrors(t *testing.T) {
	for _, text := range []string{"", "00", "zz112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff00"} {
		if _, err := cookies.ParseSecret(text); err != cookies.ErrSecret {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAllocations(t *testing.T) {
	jar, err := cookies.New()
	if err != nil {
		t.Fatal(err)
	}
	from, now, buf := netip.MustParseAddr("2001:db8::1"), time.Now(), make([]byte, 0, 64)
	allocs := testing.AllocsPerRun(100, func() {
		cookie := jar.Make(append(buf, "abcdefgh"...), []byte("abcdefgh"), from, now)
		if !jar.Valid(cookie, from, now) {
			t.Fatal("not valid")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func ExampleJar() {
	secret, _ := cookies.ParseSecret("e5e973e5a6b2a43f48e7dc849e37bfcf")
	jar, _ := cookies.New(secret)
	client, _ := hex.DecodeString("2464c4abcf10c957")
	cookie := jar.Make(client, client, netip.MustParseAddr("198.51.100.100"), time.Unix(1559731985, 0))
	fmt.Printf("%x\n", cookie)
	// Output: 2464c4abcf10c957010000005cf79f111f8130c3eee29480
}

package cookies_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/cookies"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text   string
		want   cookies.Config
		err    string
		reason string
	}{
		{"cookies", cookies.Config{}, "", "a random secret, as without the directive"},
		{"cookies off", cookies.Config{Off: true}, "", "none at all"},
		{"cookies secrets.txt", cookies.Config{File: "secrets.txt"}, "", "a file"},
		{"cookies ./off", cookies.Config{File: "./off"}, "", "a file that is called off"},
		{`cookies ""`, cookies.Config{}, "Corefile:2: cookies: wants the path of a file, got an empty one", "an environment variable that is not set"},
		{"cookies a b", cookies.Config{}, `Corefile:2: cookies: wants at most one of a file of secrets, and off, got "a" "b"`, "one file"},
		{"cookies {\nsecret 00\n}", cookies.Config{}, `Corefile:3: cookies takes no options in braces, got "secret"`, "no secret in a Corefile, which is none"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := cookies.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// Two secrets, as text.
const (
	newer = "00112233445566778899aabbccddeeff"
	older = "ffeeddccbbaa99887766554433221100"
)

func TestReadSecrets(t *testing.T) {
	tests := []struct {
		name, text string
		want       int
		err        error
		message    string
		reason     string
	}{
		{"two", newer + "\n" + older + "\n", 2, nil, "", "one a line"},
		{"comments", "# made in May\n\n  " + strings.ToUpper(newer) + "\t# this year's\r\n#" + older, 1, nil, "", "comments, blanks, either case, no newline at the end"},
		{"none", "# " + newer + "\n", 0, cookies.ErrNoSecret, "secrets: no cookie secret; wanted is at least one line of 32 hexadecimal digits", "cookies that nobody chose"},
		{"empty", "", 0, cookies.ErrNoSecret, "secrets: no cookie secret; wanted is at least one line of 32 hexadecimal digits", "cookies that nobody chose"},
		{"short", newer + "\n" + older[1:] + "\n", 0, cookies.ErrSecret, "secrets:2: a cookie secret is 32 hexadecimal digits", "the place, and nothing of the secret"},
		{"two on a line", newer + " " + older, 0, cookies.ErrSecret, "secrets:1: a cookie secret is 32 hexadecimal digits", "one a line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cookies.ReadSecrets("secrets", strings.NewReader(tt.text))
			message := ""
			if err != nil {
				message = err.Error()
			}
			if diff := cmp.Diff(tt.message, message); diff != "" || !errors.Is(err, tt.err) || len(got) != tt.want {
				t.Errorf("%s: %d secrets, want %d (-want +got):\n%s", tt.reason, len(got), tt.want, diff)
			}
		})
	}
}

func TestJar(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "secrets")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	client, from, now := []byte("abcdefgh"), netip.MustParseAddr("192.0.2.1"), time.Unix(1_700_000_000, 0)
	made := func(c cookies.Config) []byte {
		jar, err := c.Jar()
		if err != nil {
			t.Fatal(err)
		}
		return jar.Make([]byte("abcdefgh"), client, from, now)
	}
	rolled := cookies.Config{File: file(newer + "\n" + older)}
	tests := []struct {
		name   string
		by     cookies.Config
		want   bool
		reason string
	}{
		{"the same file", rolled, true, "replicas share it"},
		{"the first secret alone", cookies.Config{File: file(newer)}, true, "the first makes cookies"},
		{"the second secret alone", cookies.Config{File: file(older)}, true, "RFC 9018 section 5: rollover"},
		{"random", cookies.Config{}, false, "nobody knows it"},
	}
	jar, err := rolled.Jar()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := jar.Valid(made(tt.by), from, now); got != tt.want {
				t.Errorf("%s: accepted %t, want %t", tt.reason, got, tt.want)
			}
		})
	}
	if string(made(rolled)) != string(made(cookies.Config{File: file(newer)})) {
		t.Error("cookies are not made with the first secret")
	}
	if jar, err := (cookies.Config{Off: true}).Jar(); jar != nil || err != nil {
		t.Errorf("off: %v, %v", jar, err)
	}
	if _, err := (cookies.Config{File: filepath.Join(t.TempDir(), "none")}).Jar(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := (cookies.Config{File: file("x")}).Jar(); !errors.Is(err, cookies.ErrSecret) {
		t.Errorf("no secret: %v", err)
	}
}

func ExampleReadSecrets() {
	_, err := cookies.ReadSecrets("secrets.txt", strings.NewReader("# this year's\nhello\n"))
	fmt.Println(err)
	// Output: secrets.txt:2: a cookie secret is 32 hexadecimal digits
}

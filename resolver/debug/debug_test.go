package debug_test

import (
	"testing"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/debug"
)

func TestParse(t *testing.T) { dnstest.Bare(t, "debug", debug.Parse) }

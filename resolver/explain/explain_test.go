package explain_test

import (
	"testing"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/explain"
)

func TestParse(t *testing.T) { dnstest.Bare(t, "explain", explain.Parse) }

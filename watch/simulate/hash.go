package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// Where a cluster rolls dice, this package takes a hash of what there is.

// suffixLength is that of the random end of a generated name, which the API
// server appends to the first maxBase bytes of what asks for one.
const (
	suffixLength = 5
	maxBase      = 63 - suffixLength
)

// letters are those of generated names: no vowel, and nothing that looks like
// another.
const letters = "bcdfghjklmnpqrstvwxz2456789"

// generateName returns base with an end that follows from it and from parts.
func generateName(base string, parts ...any) string {
	return base[:min(len(base), maxBase)] + suffix(append(parts, base)...)
}

func suffix(parts ...any) string {
	sum := sum(parts...)
	end := make([]byte, suffixLength)
	for i := range end {
		end[i] = letters[int(binary.BigEndian.Uint16(sum[2*i:]))%len(letters)]
	}
	return string(end)
}

// sum hashes values, which it keeps apart.
func sum(parts ...any) [sha256.Size]byte {
	var text []byte
	for _, p := range parts {
		text = fmt.Append(text, p)
		text = append(text, 0)
	}
	return sha256.Sum256(text)
}

// templateHash returns the value of pod-template-hash, which follows from the
// template, and changes with each roll as it does with "kubectl rollout
// restart". It has the shape of the real one, but not its value, which depends
// on each default of the API server.
func templateHash(t *corev1.PodTemplateSpec, rolls int) string {
	text, err := json.Marshal(t)
	if err != nil {
		text = []byte(err.Error()) // no API type fails to marshal
	}
	h := fnv.New32a()
	h.Write(text)
	fmt.Fprint(h, rolls)
	return rand.SafeEncodeString(fmt.Sprint(h.Sum32()))
}

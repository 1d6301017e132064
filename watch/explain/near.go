package explain

import (
	"slices"
	"strings"
)

// nearest returns the candidate that a slip of the keyboard could have made word of,
// "" if there is none: at most one change in four letters, two at most. Of several
// as near, the first in order.
func nearest(word string, candidates []string) string {
	best, least := "", min(2, max(1, len(word)/4))+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if stem(c) == stem(word) {
			continue // another of the same, as web-1 and web-2, is no slip
		}
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// containing returns the first candidate that has word for its first or its last part,
// where dashes part: what a Helm release, or a role, is put before or behind.
func containing(word string, candidates []string) string {
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if strings.HasSuffix(c, "-"+word) || strings.HasPrefix(c, word+"-") {
			return c
		}
	}
	return ""
}

// stem returns a name without the number at its end.
func stem(name string) string { return strings.TrimRight(name, "0123456789") }

// distance is how many letters are to be put in, left out, changed, or exchanged with
// the next, to make b of a (the optimal string alignment distance).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

package assemble

import (
	"fmt"
)

// unknown returns what an error says of a directive that is none.
func unknown(name string) string {
	meant := ""
	if n, ok := nearest(name, Plugins()); ok {
		meant = fmt.Sprintf(": is %s meant?", n)
	}
	return fmt.Sprintf("unknown plugin %q%s %s", name, meant, pluginList)
}

// pluginList is where errors send for the names of directives.
const pluginList = "(rollcall serve -plugins lists those that there are)"

// nearest returns that of the names which a misspelt one most likely stands for: the
// first of those that are the fewest edits away, of which a short name may have one,
// and others two.
func nearest(misspelt string, names []string) (best string, found bool) {
	least := 1
	if len(misspelt) > 5 {
		least = 2
	}
	for _, name := range names {
		if d := edits(misspelt, name); d < least || d == least && !found {
			best, least, found = name, d, true
		}
	}
	return best, found
}

// edits returns the Levenshtein distance of a and b: how many octets must be put in,
// taken out or replaced at least to make one of the other.
func edits(a, b string) int {
	row := make([]int, len(b)+1) // of what has been read of a, to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		replaced := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := replaced
			if a[i] != b[j] {
				cost = 1 + min(replaced, row[j], row[j+1])
			}
			replaced, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

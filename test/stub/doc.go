// Package stub tests Rollcall as a stub resolver for tests of any language:
// rollcall run, with real programs as different users, and the pages
// docs/testing-*.md, whose code is run as it stands there.
package stub

// Package binaries builds the programs that the tests run besides Rollcall
// itself, from Go modules, once for each version of them.
//
// A Program is one main package of a nested module of this folder tree, whose
// go.mod pins it with a tool directive. Ensure builds the missing ones into a
// folder of the user's cache directory,
//
//	$XDG_CACHE_HOME/rollcall-test/bin-<key>/
//
// where key is a hash of all that decides what comes out: the module's go.mod
// and go.sum, the Go release, the platform and the linker flags. A folder is
// therefore never stale and never rebuilt. Several processes may call Ensure at
// once; a file lock makes one build and the others wait.
//
// It builds without cgo, so that the programs share compiled packages with each
// other in Go's build cache. Rollcall is not built here: it changes with every
// edit, see package rollcall.
package binaries

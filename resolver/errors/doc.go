// Package errors holds the configuration of the errors directive: how errors
// of handlers are logged, and which of them are counted up rather than logged
// one by one.
package errors

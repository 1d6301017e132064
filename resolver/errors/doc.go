// Package errors is the errors directive: a handler that logs why queries are
// SERVFAIL, and which of those errors are counted up rather than logged one by one.
package errors

// Package reload is the reload directive: how often the Corefile is looked at for
// a change. What is done about one is for the package that runs the Corefile.
package reload

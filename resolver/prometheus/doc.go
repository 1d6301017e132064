// Package prometheus holds the configuration of the prometheus directive:
// where metrics are served, and which.
package prometheus

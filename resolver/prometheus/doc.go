// Package prometheus is the prometheus directive: a handler that counts queries
// under the names that CoreDNS's dashboards ask for, and the endpoint that serves
// all metrics of the process.
package prometheus

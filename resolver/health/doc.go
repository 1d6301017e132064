// Package health is the endpoint that says whether the process lives: GET
// /health is answered 200 "OK" for as long as it runs, in lameduck too. It is
// what a liveness probe asks, so it never depends on the API server or on an
// upstream: restarting the process would heal neither.
//
// A [Server] asks itself once a second and measures how long that takes
// ([Config].Registerer), since a process that is slow there is overloaded.
//
// The package holds the duration of lameduck, but does not wait it out. Who
// assembles the server does: on SIGTERM it goes on answering for
// [Config].Lameduck, and then ends Run's context.
package health

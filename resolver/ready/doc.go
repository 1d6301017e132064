// Package ready is the endpoint that says whether the process can answer: GET
// /ready is 200 "OK" once every check says so, and else 503 with the names of
// those that do not. It is what a readiness probe asks.
//
// By default a check that said yes is not asked again ([Config].Continuously):
// if a server were unready while the API server is away, all replicas would
// leave the Service together, and the cluster would have no DNS at all.
//
// A request that comes before the server was ever ready may be held for a moment
// ([Config].Hold): the kubelet, which asks as soon as a container runs, would come
// again only ten seconds later.
//
// Being told to end does not make a server unready by itself. A Pod that is
// deleted is marked terminating in its EndpointSlice at once, and gets traffic
// only while no other endpoint is ready; being unready on top would take that
// last resort away. [Server.Drain] is for the moment when sockets close.
package ready

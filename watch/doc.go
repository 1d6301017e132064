// Package watch is where facts come from. A source follows the Kubernetes API
// ([Kubernetes]) or manifest files ([Manifests]), trims and normalises each
// object once to what DNS needs, and hands it to a [Sink], which is the zone,
// as ordered [zone.Event]s. One that follows a single [ConfigMap] stands apart: it
// has configuration, and tells it to whoever runs it.
//
// # Nouns
//
//   - A source runs until its context ends: Run(ctx, sink) error.
//   - A sink takes events, and tells a source which object it holds for a key,
//     so that a source keeps no copy of its own.
//   - Trimming makes a zone object of an API object. What is trimmed shares no
//     memory with the message it came in.
//   - A kind is synced once all its objects were handed over by one Replace,
//     and connected while a source hears of its changes.
//
// # What always holds
//
//   - Events of one key arrive in the order they happened. A Replace is sent
//     once per list or relist, so that what was deleted during an outage goes.
//   - A relist hands back the zone's live object where the resourceVersion is
//     unchanged: its peak is the keys, not a second heap.
//   - With the API server gone the sink keeps what it has. The loss and the
//     return of a watch are each a log line and a metric, and a watch that is
//     silent for [KubernetesConfig].StallTimeout is taken for dead.
//   - One bad object is skipped, counted and logged once. It never ends a
//     source, nor the process.
//   - A change of manifests is applied whole or, where anything in it is
//     wrong, not at all; and a verb that changes them returns when the sink
//     has what came of it.
//
// # Manifests
//
// A manifest says what somebody wrote, not what a cluster made of it. So objects
// are decoded and checked, [github.com/rollcall-dns/rollcall/watch/simulate]
// plays the controllers over all of them, and then they are trimmed. What no
// controller touches is trimmed at once. Objects as they were read are kept only
// once a program changes them by verbs; a source whose files alone change
// reads them again.
//
// # What it does not do
//
// It knows nothing of DNS names and wire format, and writes nothing to the API:
// list and watch are its only verbs. It plays no controller for a cluster, which
// has its own.
package watch

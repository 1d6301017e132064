// Package simulate checks that manifests mean what a cluster makes of them. Each
// example of watch/testdata/examples is applied to a real API server, where the
// real controllers, the real scheduler and kwok's kubelet make of it what they
// make; and read by rollcall as a manifest, over the same nodes. The two zones,
// every pod's name in the mode "pods verified" included, must be the same but
// for the addresses that nobody wrote down.
//
// An address is compared by all that the zone says with it: each record that it
// is in, as data, as the dashed name of an endpoint or as the owner of a PTR
// record. So there has to be a one-to-one relation between the two sides'
// addresses under which all records are equal.
package simulate

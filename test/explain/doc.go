// Package explain tests what Rollcall says of names that do not resolve, over a real
// control plane: rollcall explain with the rights of an administrator and of a user
// who has few, and the Extended DNS Errors of a server, as dig shows them.
//
// What the cause of a broken set-up is, tests of watch/explain hold; here is what
// manifests can't have: rights, controllers, pods that change.
package explain

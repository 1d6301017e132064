// Package root is the root directive: the folder that relative paths of a server
// block start from. A path is resolved by [Config.Path].
package root

// Package clientset tries resolvertest with client-go's fake clientset, which the
// product's module does not depend on.
package clientset

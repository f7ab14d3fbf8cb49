// Package cluster drives clusters of server processes under load and failures,
// and checks what clients saw.
package cluster

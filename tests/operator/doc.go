// Package operator tests what whoever runs a server sees of it: whole processes,
// what they print, how they end, and what they make of clients that mean harm.
package operator

// Package scaffold writes the beginning of a placement policy: a Go module that builds,
// whose tests pass, and that does something useful.
//
//	result, err := scaffold.Write(ctx, scaffold.Config{Dir: "shop"})
package scaffold

// Package server assembles an ssmr node: it is the only package that knows all
// the components, and it plugs them together.
//
//	node, err := server.Start(ctx, server.Config{Config: cfg, Logger: log})
//	fmt.Println(node.Addr())
//	...
//	node.Shutdown(ctx) // drains clients, hands leadership over, closes the stores
//
// The boot order stands in Start and nowhere else; Shutdown reverses it. The
// program ssmr-server is flags, signals and an exit code around this, and tests
// drive the same assembly.
package server

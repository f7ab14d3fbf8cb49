// Package registry is a node's registry of placement policies: those that are built
// in, and those that are programs of their own, which it starts, watches and swaps as
// the catalog says.
//
//	r := registry.New(registry.Config{...}, registry.Dependencies{...})
//	places, err := r.Place(ctx, request)   // planner/execute.Policies
//	placement, err := r.Placement(ctx, table, "geo", options) // planner/bind.Policies
//	err = r.Close()
//
// The catalog says which programs there are (catalog.Snapshot.Policies); every node
// follows it by itself. A program that cannot be started is tried again, with back-off;
// where another one runs already, that one goes on meanwhile. Check starts a program
// before the catalog is changed, and what it has started is used when the change comes.
//
// A policy's answer is outside input. Each is checked against the partitions that there
// are, the table's rules and the partitions' limits. An object that the policy has no
// good answer for is placed by the table's fall-back: its home, or, where that must not
// have it, another partition by a hash of its key. Objects that exist stay where they
// are then. The client is told, it is counted, and now and then logged. Nothing that a
// program does costs a statement more than Config.CallTimeout for each thousands of
// objects; while it is down, nothing at all. Small statements that come while calls are
// under way are asked about together, and each gets its own answer.
//
// A program is told only the columns that it has named. What it has answered is given again
// without a call, if it claims that its answers follow from what it is told of an object
// (placement.Objectwise), until what it is told of partitions changes. Both hold for the
// program that has said so, and not for the next one of the policy.
package registry

// Package placement is the contract between ssmr and placement policies: what
// the author of a policy imports. It imports nothing of ssmr.
//
// A policy chooses, for every object that is created, the partition that it
// lives in. Objects that are used together should live together: a statement
// that touches one partition is one log entry, whatever it does.
//
//	type byRegion struct{}
//
//	func (byRegion) Name() string    { return "region" }
//	func (byRegion) Version() string { return "1" }
//	func (byRegion) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
//		region := b.Table.Column("region")
//		...
//	}
//
// The contract grows by small optional interfaces beside Policy, which a policy
// implements if it has the ability: Configurer takes options of the table's WITH
// clause, Reader says which columns it looks at, so that only those are sent, Static says that
// homes follow from the key alone.
//
// A policy is never called by a replicated state machine: its answer is checked
// and then logged. So it may be slow, random or wrong at the price of a slow or
// badly placed create, never of a wrong answer.
package placement

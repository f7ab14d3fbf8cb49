package partitions

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

var errNotYet = pgerror.New(pgerror.InternalError, "not built yet")

// Transact has parts executed, all or none, at one instant. See the package
// comment for what it answers.
func (c *Client) Transact(ctx context.Context, t *command.Transaction) ([]*command.Vote, error) {
	return nil, errNotYet
}

// Lock locks objects for a session's transaction, and reads them.
func (c *Client) Lock(ctx context.Context, p object.PartitionID, l *command.Lock) (*command.Granted, error) {
	return nil, errNotYet
}

// Unlock gives up all locks of a session's transaction. It does not wait.
func (c *Client) Unlock(owner object.TransactionID) {}

// NewTransaction names a session's transaction, for Lock. The client counts it
// as alive until Unlock.
func (c *Client) NewTransaction() object.TransactionID { return object.TransactionID{} }

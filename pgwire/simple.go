package pgwire

import (
	"context"

	"github.com/ssmr/ssmr/internal/session"
)

// query serves a Query message: its statements one after another, until one fails.
func (c *conn) query(ctx context.Context, text string) {
	err := c.runSimple(ctx, text)
	if err != nil {
		c.w.sendError("ERROR", c.clientError(err))
	}
	if syncErr := c.session.Sync(ctx, err != nil); syncErr != nil && err == nil {
		c.w.sendError("ERROR", c.clientError(syncErr))
	}
	c.ready()
}

func (c *conn) runSimple(ctx context.Context, query string) error {
	texts, err := c.session.Split(query)
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		c.complete(session.Completion{})
		return nil
	}
	for i, text := range texts {
		c.rows = rows{c: c, describe: true}
		done, err := c.session.Query(ctx, text, i, len(texts), &c.rows)
		if err != nil {
			return err
		}
		c.complete(done)
		if err := c.w.flushFull(); err != nil {
			return err
		}
	}
	return nil
}

// complete queues the message that ends a statement.
func (c *conn) complete(done session.Completion) {
	switch {
	case done.Suspended:
		c.w.empty('s')
	case done.Tag == "":
		c.w.empty('I')
	default:
		c.w.commandComplete(done.Tag)
	}
}

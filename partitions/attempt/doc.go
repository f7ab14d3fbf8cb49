// Package attempt decides one attempt to commit a transaction over several
// partitions: what to send to whom, and when it is committed.
//
// An Attempt is pure: it has no goroutine, no clock and does no I/O. Who drives it
// does what Steps says, in any order and side by side, and reports what came of it;
// then it asks for Steps again. The Client of package partitions drives it over the
// network, leaders drive it to recover transactions of others, simulations drive it
// against a world of their own.
//
//	a := attempt.New(participants, false)
//	for !a.Finished() {
//		for _, step := range a.Steps() {
//			go perform(step) // and report: a.Voted, a.Lost, a.Resolved, a.Concluded, a.Forgotten
//		}
//		...
//	}
//
// What it rests on, of each partition:
//
//   - Prepare is executed at most once, and a participant is prepared from the moment
//     when its log holds the yes until Conclude.
//   - Resolve says what the participant is, and if it is not prepared never lets it be.
//   - Conclude and Forget are idempotent.
//
// So the transaction is committed at the moment when every participant is prepared,
// and can never be once one of them has said no or was resolved as not prepared: that
// is all that Decision goes by. Any number of attempts for one transaction (one New, the
// others Recover) come to the same decision, wherever they are stopped.
package attempt

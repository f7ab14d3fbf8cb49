package command

// AppendVote encodes a vote.
func AppendVote(dst []byte, v *Vote) []byte {
	dst = append(dst, answerFlags(v.Refusal, v.Err))
	dst = appendRefusal(dst, v.Refusal)
	dst = appendError(dst, v.Err)
	dst = appendConflict(dst, v.Conflict)
	dst = appendUint(dst, uint64(len(v.Results)))
	for _, res := range v.Results {
		start := len(dst)
		dst = nest(AppendResult(dst, res), start)
	}
	return dst
}

// DecodeVote is the inverse of AppendVote. The rows belong to b.
func DecodeVote(b []byte) (*Vote, error) {
	r := reader{b: b}
	v := new(Vote)
	v.Refusal, v.Err = r.answer()
	v.Conflict = r.conflict()
	if n := r.count(5); n > 0 {
		v.Results = make([]*Result, n)
		for i := range v.Results {
			v.Results[i] = r.result()
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return v, nil
}

// result reads a nested result.
func (r *reader) result() *Result {
	b := r.take(r.uint())
	if r.err != nil {
		return nil
	}
	res, err := DecodeResult(b)
	if err != nil {
		r.err, r.b = err, nil
	}
	return res
}

func decodeConcluded(b []byte) (*Concluded, error) {
	r := reader{b: b}
	c := &Concluded{Rest: r.transactions()}
	if err := r.done(); err != nil {
		return nil, err
	}
	return c, nil
}

func decodeResolution(b []byte) (*Resolution, error) {
	r := reader{b: b}
	res := &Resolution{State: TransactionState(r.byte())}
	if res.State > TransactionLocking {
		r.fail("unknown state of a transaction")
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return res, nil
}

func appendGranted(dst []byte, g *Granted) []byte {
	dst = append(dst, answerFlags(g.Refusal, g.Err))
	dst = appendRefusal(dst, g.Refusal)
	dst = appendError(dst, g.Err)
	dst = appendConflict(dst, g.Conflict)
	dst = appendRows(dst, g.Rows)
	dst = appendIndexes(dst, g.At)
	dst = appendIndexes(dst, g.Absent)
	dst = appendIndexes(dst, g.Skipped)
	return appendRevisions(dst, g.Revisions)
}

func decodeGranted(b []byte) (*Granted, error) {
	r := reader{b: b}
	g := new(Granted)
	g.Refusal, g.Err = r.answer()
	g.Conflict = r.conflict()
	g.Rows = r.rows()
	g.At, g.Absent, g.Skipped = r.indexes(), r.indexes(), r.indexes()
	g.Revisions = r.revisions()
	if err := r.done(); err != nil {
		return nil, err
	}
	return g, nil
}

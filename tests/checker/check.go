package checker

// Check looks for anomalies in a history.
func Check(h *History, options Options) *Report {
	return &Report{}
}

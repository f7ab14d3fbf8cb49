// Package host runs placement policies that are programs of their own, and keeps
// the server safe from them.
//
//	h, err := host.New(host.Config{Dir: "/etc/ssmr/plugins", Logger: log})
//	p, err := h.Open(ctx, host.Spec{Name: "geo", Program: "geo-policy"})
//	placed, err := p.Place(ctx, batch)     // p is a placement.Policy
//	next, err := h.Try(ctx, host.Spec{Name: "geo", Program: "geo-policy-v2"})
//	err = p.Adopt(next)
//	err = h.Close()
//
// A policy is started with a handshake of hashicorp/go-plugin, mutual TLS, no
// environment but what Config.Env names, and a folder of its own for its socket. It
// dies with the server: the kernel kills it when the server dies, and its standard
// input ends. Another program is tried beside it (Try), and takes its place (Adopt)
// between two calls.
//
// Nothing that a policy does costs a caller more than Config.CallTimeout. go-plugin
// asks whether a program lives, and kills it, without a deadline; a program that was
// stopped answers neither. So what counts here is the deadline of each call, a health
// check with a deadline, and SIGKILL to the process group that the host itself started.
//
// The limits: children that a policy starts die with it as long as they stay in its
// process group; those of a policy whose server was killed do not. Memory and processors
// are the operating system's to divide; where memory runs out, Linux ends policies before
// the server.
//
// A policy that fails MaxFailures times in a row, does not answer its health check, or
// ends is killed and started again, with back-off. Meanwhile calls fail at once with
// ErrUnavailable: the caller falls back on something else. An answer that is an error
// of the policy's own is not a failure of the program.
package host

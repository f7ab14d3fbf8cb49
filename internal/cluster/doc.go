// Package cluster carries what nodes say to each other over one port for each
// node: calls (RPC) and byte streams.
//
// Every connection starts with a handshake that names the cluster, both nodes
// and what the connection is for, so that a node of another cluster, or of an
// incompatible version, is turned away with a reason instead of being
// misunderstood.
//
//	t, err := cluster.Listen(listener, cluster.Config{Node: "a", Cluster: "shop", Peers: peers})
//	t.Handle(0x0101, func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) { ... })
//	answer, err := t.Call(ctx, "b", 0x0101, request)
//
// Handlers are registered before peers connect; a call to a method that a node
// does not know fails with a RemoteError. A call to the own node does not touch
// the network. Calls share a few connections for each peer; what gathers while
// a write is under way goes out in one write.
//
// There is no authentication yet: the cluster port belongs on a trusted network.
package cluster

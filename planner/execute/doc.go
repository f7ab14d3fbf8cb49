// Package execute runs plans: it turns them into commands to partitions, follows
// objects to where they live, and streams rows to the client.
package execute

// Package policies tests placement policies that are programs, as an operator has them:
// whole clusters, and real processes that break in every way that can be thought of while
// clients insert, update and read.
package policies

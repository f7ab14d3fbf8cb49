// Package catalog describes tables, partitions and the static placement rule.
//
// Descriptors are made by the oracle, whose log gives them their versions, and
// are handed to planners and partitions as immutable values. A partition
// refuses a command that was planned against another version of the table.
package catalog

// Package crashpoint lets tests of whole clusters end or stop a process at a step of
// what the oracle's leader drives.
//
// A step is named by the command that is sent, or the entry that is logged, in it:
// crashpoint.Before and After stand around both. In every ordinary binary they are empty,
// and the compiler removes them. In a binary with the build tag fault the environment
// variable FAULT_STEP names a file. While that holds "kill after Depart", the process
// ends itself after the next Depart, as kill -9 would; with "stop" it stops itself. The
// file is removed before, so that it happens once.
package crashpoint

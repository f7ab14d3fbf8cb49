// Package ast is the tree of a statement as PostgreSQL's grammar reads it.
//
// package dialect makes it from text, package bind gives it meaning. Nothing in
// it refers to the parser that the text went through, and nothing in it has been
// looked up: names are names, operators are their spelling, literals are text.
//
// What a reader of the tree can rely on:
//
//   - Every node has a position: the character in the statement's text, counted
//     from 1, where PostgreSQL's errors about that node point. For an operator
//     that is the operator, for a call the function's name, for a cast the "::",
//     the CAST or the type name in front of the string, for everything else its
//     first character.
//   - Names are folded to lower case unless they were quoted, and cut to 63 bytes.
//   - Type names that the standard spells in words have PostgreSQL's internal
//     name ("int4", "varchar", "timestamptz"); others are as written.
//   - Parentheses are gone; the shape of the tree says what they said.
//   - Syntax that PostgreSQL's grammar turns into function calls is Call with the
//     name that PostgreSQL gives it (x AT TIME ZONE z is timezone(z, x)).
//
// Optional parts are nil, empty or zero. A tree is not changed after it was
// made and may be shared; it holds no reference to the statement's text beyond
// the strings in it.
package ast

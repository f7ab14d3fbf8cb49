// Package datum is the values of the database: their types, their order, and
// their encodings as text, binary, key and row.
package datum

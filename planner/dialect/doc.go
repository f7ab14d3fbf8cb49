// Package dialect reads PostgreSQL's SQL: Split cuts a query string into
// statements, Parse makes a tree of package ast from one of them. It is the one
// importer of the Vitess parser.
package dialect

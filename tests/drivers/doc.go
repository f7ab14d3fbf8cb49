// Package drivers holds that people can come with the driver that they have: pgx,
// lib/pq, libpq (psql, pgbench, psycopg2) and node-postgres, each in the ways in
// which it speaks the protocol. A driver whose runtime is not installed is skipped.
package drivers

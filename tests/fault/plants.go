package main

// plants are the bugs that a binary with the build tag planted has, one at a time
// (internal/planted).
var plants = []string{"stale-read", "lost-release", "double-move", "missing-prepare", "no-dedup"}

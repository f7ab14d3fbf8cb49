package main

import "github.com/ssmr/ssmr/internal/planted"

// plant is a bug that a binary with the build tag planted can have, and what shows it.
type plant struct {
	bug     planted.Bug
	traffic string
	failure string
	besides string
}

// plants are the planted bugs.
var plants = []plant{
	{planted.StaleRead, "register,counter,longfork", "netsplit,pause", ""},
	{planted.LostRelease, "bank", "none", ""},
	{planted.DoubleMove, "register,counter", "none", "moves"},
	{planted.MissingPrepare, "bank,append", "none", ""},
	{planted.NoDedup, "register,counter", "kill,pause,netsplit", ""},
}

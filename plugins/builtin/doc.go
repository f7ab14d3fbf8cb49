// Package builtin holds the placement policies that come with ssmr, behind the
// contract that plugins use.
//
//	hash          the object's home: spreads all objects evenly; needs no directory
//	column        objects with the same values of named columns live together
//	              ('placement.columns' = 'tenant'); needs no directory where these
//	              columns are in the primary key
//	list          a column's value names the partition
//	              ('list.column' = 'region', 'list.map' = 'eu:1,us:2', 'list.default' = '3')
//	range         a column's value falls into a range
//	              ('range.column' = 'year', 'range.bounds' = '2000,2010,2020')
//	least_loaded  the partition that holds the fewest bytes
package builtin

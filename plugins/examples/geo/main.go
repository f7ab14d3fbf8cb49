// Command geo is a placement policy: it keeps objects in the region of their country.
package main

import "github.com/ssmr/ssmr/plugins/placement"

func main() { placement.Serve(geo{}) }

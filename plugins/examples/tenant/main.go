// Command tenant is a placement policy: the objects of a tenant live together, big
// tenants have partitions of their own.
package main

import "github.com/ssmr/ssmr/plugins/placement"

func main() { placement.Serve(newTenants()) }

// Command fault runs traffic against a cluster of ssmr-server processes while things
// fail, and checks what the clients saw.
package main

// Package verify tries a placement policy's program out, as a server would use it
// and as a bad day would: what `ssmr-server plugin verify` prints.
//
//	report, err := verify.Run(ctx, verify.Config{Program: "./geo-policy"})
//	report.Print(os.Stdout)
//	if !report.OK() { ... }
package verify

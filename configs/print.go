package configs

import (
	"fmt"
	"io"
	"strings"
)

// Write prints the configuration as a YAML file that means the same, each key
// with its explanation.
func (c *Config) Write(w io.Writer) error {
	section := ""
	for _, k := range keys {
		indent, name := "", k.name
		if outer, inner, nested := strings.Cut(k.name, "."); nested {
			if outer != section {
				if _, err := fmt.Fprintf(w, "\n%s:\n", outer); err != nil {
					return err
				}
				section = outer
			}
			indent, name = "  ", inner
		}
		if _, err := fmt.Fprintf(w, "%s# %s (%s)\n%s%s: %s\n", indent, k.help, k.allowed, indent, name, k.get(c)); err != nil {
			return err
		}
	}
	return nil
}

package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

const envPrefix = "SSMR"

// ErrHelp is returned by Load when the arguments ask for help.
var ErrHelp = pflag.ErrHelp

// Load makes a configuration of command-line arguments (without the program's
// name) and environment entries ("NAME=value"). Errors name the key, where its
// value came from and what is allowed.
func Load(args, environ []string) (*Config, error) {
	flags := newFlags()
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	file := flagValue(flags, "config")
	v := viper.New()
	for _, k := range keys {
		v.SetDefault(k.name, k.fallback)
	}
	maps, err := readFile(v, file)
	if err != nil {
		return nil, err
	}
	sources := make(map[string]string)
	for _, k := range keys {
		if v.InConfig(k.name) {
			sources[k.name] = "file " + file
		}
	}
	if err := readEnvironment(v, environ, sources); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if f := flags.Lookup(flagName(k.name)); f.Changed {
			v.Set(k.name, f.Value.String())
			sources[k.name] = "flag --" + f.Name
		}
	}
	for key := range maps {
		if sources[key] != "file "+file {
			delete(maps, key)
		}
	}
	return assemble(v, maps, sources)
}

// Usage writes what the flags mean.
func Usage(w io.Writer) {
	flags := newFlags()
	fmt.Fprint(w, flags.FlagUsages())
}

func newFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("ssmr-server", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {}
	flags.String("config", "", "YAML `file` to read")
	for _, k := range keys {
		flags.String(flagName(k.name), k.fallback, k.help)
	}
	return flags
}

func flagValue(flags *pflag.FlagSet, name string) string { return flags.Lookup(name).Value.String() }

func flagName(key string) string { return strings.ReplaceAll(key, ".", "-") }

func envName(key string) string {
	return envPrefix + "_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// readFile reads a file's keys into v, and returns those whose values are maps.
func readFile(v *viper.Viper, file string) (map[string]*yaml.Node, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	v.SetConfigType("yaml")
	if err := v.ReadConfig(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", file, err)
	}
	for _, name := range v.AllKeys() {
		if !isKey(name) && !inMap(name) {
			return nil, fmt.Errorf("configuration file %s: unknown key %q; known keys: %s", file, name, strings.Join(keyNames(), ", "))
		}
	}
	maps, err := fileMaps(text)
	if err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", file, err)
	}
	return maps, nil
}

func readEnvironment(v *viper.Viper, environ []string, sources map[string]string) error {
	byEnv := make(map[string]string, len(keys))
	for _, k := range keys {
		byEnv[envName(k.name)] = k.name
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix+"_") {
			continue
		}
		key, ok := byEnv[name]
		if !ok {
			known := make([]string, 0, len(keys))
			for _, k := range keys {
				known = append(known, envName(k.name))
			}
			return fmt.Errorf("environment: unknown variable %s; known variables: %s", name, strings.Join(known, ", "))
		}
		v.Set(key, value)
		sources[key] = "environment variable " + name
	}
	return nil
}

// assemble turns raw values into a Config. What is in maps goes before what is in v.
func assemble(v *viper.Viper, maps map[string]*yaml.Node, sources map[string]string) (*Config, error) {
	c := new(Config)
	for _, k := range keys {
		raw := v.Get(k.name)
		value := raw
		if node, ok := maps[k.name]; ok {
			value = node
		}
		if err := k.set(c, value); err != nil {
			where := sources[k.name]
			if where == "" {
				where = "default"
			}
			return nil, fmt.Errorf("%s: key %q cannot be %v; allowed: %s", where, k.name, quoted(raw), k.allowed)
		}
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return c, nil
}

func quoted(raw any) string {
	if s, ok := raw.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%v", raw)
}

// validate checks what holds between keys.
func (c *Config) validate() error {
	if c.Groups > c.Partitions {
		return fmt.Errorf("key \"groups\": %d is more than there are partitions (%d)", c.Groups, c.Partitions)
	}
	if len(c.Cluster.Nodes) == 0 {
		return nil
	}
	var names, addresses []string
	for _, n := range c.Cluster.Nodes {
		if slices.Contains(names, string(n.Name)) {
			return fmt.Errorf("key \"cluster.nodes\": node %q is listed twice", n.Name)
		}
		if slices.Contains(addresses, n.Address) {
			return fmt.Errorf("key \"cluster.nodes\": address %q is listed twice", n.Address)
		}
		if strings.HasSuffix(n.Address, ":0") {
			return fmt.Errorf("key \"cluster.nodes\": address %q of node %q needs a fixed port", n.Address, n.Name)
		}
		names, addresses = append(names, string(n.Name)), append(addresses, n.Address)
	}
	if !slices.Contains(names, string(c.Node)) {
		return fmt.Errorf("key \"node\": %q is not among \"cluster.nodes\" (%s)", c.Node, strings.Join(names, ", "))
	}
	if slices.Contains(addresses, c.Listen) {
		return errors.New("key \"listen\": the address is a cluster port in \"cluster.nodes\"; clients need another")
	}
	return nil
}

func isKey(name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return k.name == name })
}

func keyNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

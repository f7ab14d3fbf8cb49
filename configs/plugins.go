package configs

import (
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mapKeys are the keys whose values are maps by names that users choose. The spelling
// of these names counts.
var mapKeys = []string{"plugins.sha256", "plugins.options"}

// inMap reports whether a path of a file is within the value of one of mapKeys.
func inMap(path string) bool {
	return slices.ContainsFunc(mapKeys, func(key string) bool { return strings.HasPrefix(path, key+".") })
}

// fileMaps reads the values of mapKeys from a file: viper changes the names in maps.
func fileMaps(text []byte) (map[string]*yaml.Node, error) {
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	out := make(map[string]*yaml.Node)
	for _, key := range mapKeys {
		outer, inner, _ := strings.Cut(key, ".")
		var section map[string]yaml.Node
		if node, ok := file[outer]; !ok || node.Decode(&section) != nil {
			continue
		}
		if node, ok := section[inner]; ok {
			out[key] = &node
		}
	}
	return out, nil
}

// decodeMap decodes the value of one of mapKeys: a part of a file, or its text.
func decodeMap(dst, raw any) error {
	var err error
	switch v := raw.(type) {
	case *yaml.Node:
		err = v.Decode(dst)
	case string:
		err = yaml.Unmarshal([]byte(v), dst)
	default:
		return errValue
	}
	if err != nil {
		return errValue
	}
	return nil
}

func setChecksums(c *Config, raw any) error {
	sums := make(map[string]string)
	if err := decodeMap(&sums, raw); err != nil {
		return err
	}
	for program, sum := range sums {
		if b, err := hex.DecodeString(sum); err != nil || len(b) != 32 || program != filepath.Base(program) {
			return errValue
		}
		sums[program] = strings.ToLower(sum)
	}
	c.Plugins.SHA256 = sums
	return nil
}

func setPolicyOptions(c *Config, raw any) error {
	c.Plugins.Options = make(map[string]map[string]string)
	return decodeMap(&c.Plugins.Options, raw)
}

func setEnvNames(c *Config, raw any) error {
	names := []string{}
	switch v := raw.(type) {
	case nil:
	case string:
		for name := range strings.SplitSeq(v, ",") {
			if v != "" {
				names = append(names, strings.TrimSpace(name))
			}
		}
	case []any:
		for _, item := range v {
			name, ok := item.(string)
			if !ok {
				return errValue
			}
			names = append(names, name)
		}
	default:
		return errValue
	}
	if slices.ContainsFunc(names, func(name string) bool { return name == "" || strings.ContainsAny(name, "= \x00") }) {
		return errValue
	}
	c.Plugins.Env = names
	return nil
}

func setPluginsStart(c *Config, raw any) error {
	var when string
	err := setChoice(&when, raw, "boot", "use")
	c.Plugins.OnUse = when == "use"
	return err
}

func getPluginsStart(c *Config) string {
	if c.Plugins.OnUse {
		return "use"
	}
	return "boot"
}

// jsonText writes a list or a map as JSON, which is YAML too.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // lists and maps of text have a form
	}
	return string(b)
}

package server

import "runtime/debug"

// release is the version of this source tree.
const release = "0.1.0"

// Version returns the version of the program: its release, and the revision of
// the source where the build knows it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return release + " (" + s.Value[:12] + ")"
		}
	}
	return release
}

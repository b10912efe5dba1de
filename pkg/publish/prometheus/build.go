package prometheus

import (
	"runtime"
	"runtime/debug"
)

// Build says which program this is.
type Build struct {
	Version   string // "1.2.3"; "dev" when the build did not say
	Revision  string // commit, with "-dirty" when files differed; may be empty
	GoVersion string // "go1.26.8"
}

// ReadBuild returns the build of the running program. version is what the
// linker was told; when it is empty the module's version is taken.
func ReadBuild(version string) Build {
	info, _ := debug.ReadBuildInfo() // nil without module support
	return buildOf(version, info)
}

func buildOf(version string, info *debug.BuildInfo) Build {
	b := Build{Version: version, GoVersion: runtime.Version()}
	if info != nil {
		var dirty bool
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
		if dirty && b.Revision != "" {
			b.Revision += "-dirty"
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	return b
}

package main

import "runtime/debug"

// version is what the Go toolchain wrote into the program: the version of the module, the revision
// that it was built from, and whether anything was changed since.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown build"
	}
	return described(info)
}

func described(info *debug.BuildInfo) string {
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	var revision, changed string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed since"
		}
	}
	if revision != "" {
		text += " (" + revision[:min(len(revision), 12)] + changed + ")"
	}
	return text + " " + info.GoVersion
}

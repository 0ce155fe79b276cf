package templates

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed assets
var assetFiles embed.FS

// assetPath is where Assets expects to be mounted.
const assetPath = "/u/assets/"

// An asset is one file as it is sent.
type asset struct {
	body    []byte
	version string // of the content, in the address
}

func newAsset(body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{body: body, version: hex.EncodeToString(sum[:8])}
}

// assets is read once from files that are part of the program, and never changes.
var assets = map[string]asset{
	"style.css": mustAsset("style.css"),
	"app.js":    mustAsset("app.js"),
	"icon.svg":  mustAsset("icon.svg"),
}

func mustAsset(name string) asset {
	body, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // A file that is missing from the binary.
	}
	return newAsset(body)
}

// assetURL is the address of an asset, with the version of its content.
func assetURL(name string) string {
	return assetPath + name + "?v=" + assets[name].version
}

// Assets serves the style sheet, the script, the icon and the accents under /u/assets/. An address with the version of
// the content may be kept for ever. One with another version, asked for by a page of another build while both run,
// gets today's content but must be asked for again.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, assetPath)
		if !ok {
			http.NotFound(w, r)
			return
		}
		a, ok := assets[name]
		if !ok {
			a, ok = accentAsset(name)
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("ETag", `"`+a.version+`"`)
		if r.URL.Query().Get("v") == a.version {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			h.Set("Cache-Control", "no-cache")
		}
		h.Set("Content-Type", contentType(name))
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.body))
	})
}

// contentType does not ask the operating system, whose tables differ.
func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".css"):
		return "text/css; charset=utf-8"
	case strings.HasSuffix(name, ".js"):
		return "text/javascript; charset=utf-8"
	default:
		return "image/svg+xml"
	}
}

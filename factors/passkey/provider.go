package passkey

import (
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
)

// providersJSON is the community's list of who makes what, by AAGUID, with the names alone:
// github.com/passkeydeveloper/passkey-authenticator-aaguids, combined with the models of the FIDO
// Alliance's metadata. Its keepers may empty it one day; then every passkey is a "Passkey".
//
//go:embed providers.json
var providersJSON []byte

var providers = sync.OnceValue(func() map[string]string { return names(providersJSON) })

// names reads a list of names. A list that cannot be read has none: it is for showing only.
func names(list []byte) map[string]string {
	var out map[string]string
	if json.Unmarshal(list, &out) != nil {
		return nil
	}
	return out
}

// Provider is what people call the maker of a passkey ("Google Password Manager"), or empty where that
// is not known. Anybody can claim any model: it is for showing, and stands for nothing.
func Provider(e factors.Enrollment) string {
	r, err := open(e)
	if err != nil {
		return ""
	}
	return provider(r.AAGUID)
}

func provider(aaguid []byte) string { return named(providers(), aaguid) }

func named(names map[string]string, aaguid []byte) string {
	id, err := uuid.FromBytes(aaguid)
	if err != nil || id == uuid.Nil {
		return ""
	}
	return names[id.String()]
}

package demo

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/op/resource"
)

// prescription is what a clinician signs.
type prescription struct{ ID, Patient, Medicine, Directions string }

// prescriptions are those of the demo. A real API has them in a store.
var prescriptions = []prescription{
	{ID: "rx-1042", Patient: "Jordan Lee", Medicine: "Amoxicillin 500 mg, 21 capsules", Directions: "One capsule three times a day for seven days"},
}

func findPrescription(id string) (prescription, bool) {
	i := slices.IndexFunc(prescriptions, func(p prescription) bool { return p.ID == id })
	if i < 0 {
		return prescription{}, false
	}
	return prescriptions[i], true
}

// signature is what the API keeps of a prescription that was signed: who it was, and what proves it.
type signature struct {
	Prescription string    `json:"prescription"`
	By           string    `json:"by"` // the subject of the access token
	At           time.Time `json:"at"`
	Proved       time.Time `json:"proved"` // when the oldest proof of the sign-in was given
	ACR          string    `json:"acr"`
	AMR          []string  `json:"amr"`
	Recovery     bool      `json:"recovery,omitempty"`
}

// signatureAge is how long ago who signs may have proved who it is.
const signatureAge = 5 * time.Minute

// mountAPI adds the API of the clinic. It knows nothing of the pages beside it, and nothing of
// sessions and cookies: all that it goes by is the access token. A Config that cannot be right is a
// mistake in the program.
func mountAPI(mux *http.ServeMux, c Config) {
	api, err := resource.New(resource.Config{Issuer: c.Issuer, Audience: c.API})
	if err != nil {
		panic(err)
	}
	// A prescription is signed by who has just shown a passkey, or a password and a second factor: an
	// open session is not enough, however it began. And by nobody whose sign-in has ended since: a
	// signature cannot be taken back, so that the provider is asked besides.
	need := resource.Require{
		ACR:    resource.Implying(resource.ACRMultiFactor),
		MaxAge: signatureAge,
		Live:   true,
	}
	path := strings.TrimPrefix(c.API, c.BaseURL)
	mux.Handle("POST "+path+"/prescriptions/{id}/signature", api.Protect(need, http.HandlerFunc(signPrescription)))
}

func signPrescription(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	token, ok := resource.From(r.Context())
	rx, known := findPrescription(r.PathValue("id"))
	if !ok || !known {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error":"not_found"}`)) // who has gone needs no answer
		return
	}
	_ = json.NewEncoder(w).Encode(signature{
		Prescription: rx.ID, By: token.Subject, At: time.Now(), Proved: token.AuthTime,
		ACR: token.ACR, AMR: token.AMR, Recovery: token.Recovery,
	})
}

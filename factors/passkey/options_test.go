package passkey_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
)

// golden requires that options are want, in which «…» stand for bytes that are random: it returns them.
func golden(t *testing.T, options []byte, want string, random ...string) (bytes [][]byte) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(options, &got); err != nil {
		t.Fatal(err)
	}
	for _, path := range random {
		in, name := got, path
		if outer, inner, nested := strings.Cut(path, "."); nested {
			in, name = got[outer].(map[string]any), inner
		}
		raw, err := base64.RawURLEncoding.DecodeString(in[name].(string))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		in[name] = "«" + path + "»"
		bytes = append(bytes, raw)
	}
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(want), string(text)); diff != "" {
		t.Errorf("the options: %s", diff)
	}
	return bytes
}

func TestW01_CreationOptions(t *testing.T) {
	w := newWorld(t, func(c *passkey.Config) { c.Roots = x509.NewCertPool() })
	want := `{
 "attestation": "ATTESTATION",
 "authenticatorSelection": {
  "requireResidentKey": true,
  "residentKey": "required",
  "userVerification": "required"
 },
 "challenge": "«challenge»",
 "pubKeyCredParams": [
  {
   "alg": -7,
   "type": "public-key"
  },
  {
   "alg": -257,
   "type": "public-key"
  },
  {
   "alg": -8,
   "type": "public-key"
  }
 ],
 "rp": {
  "id": "vsee.example",
  "name": "VSee"
 },
 "timeout": 300000,
 "user": {
  "displayName": "Charlotte Webb",
  "id": "«user.id»",
  "name": "charlotte@riverside.example"
 }
}`
	none := strings.Replace(want, "ATTESTATION", "none", 1)
	first := golden(t, w.beginEnroll(t, w.charlotte).options, none, "challenge", "user.id")
	second := golden(t, w.beginEnroll(t, w.charlotte).options, none, "challenge", "user.id")
	if len(first[0]) != 32 || bytes.Equal(first[0], second[0]) {
		t.Errorf("challenges of %d bytes, equal %v", len(first[0]), bytes.Equal(first[0], second[0]))
	}
	if len(first[1]) != 64 || !bytes.Equal(first[1], second[1]) {
		t.Errorf("a user handle of %d bytes, the same at the next ceremony %v", len(first[1]), bytes.Equal(first[1], second[1]))
	}

	attest := w.charlotte
	attest.Attest = true
	golden(t, w.beginEnroll(t, attest).options, strings.Replace(want, "ATTESTATION", "direct", 1), "challenge", "user.id")
	nobody := newWorld(t)
	attest.ID = nobody.charlotte.ID
	golden(t, nobody.beginEnroll(t, attest).options, none, "challenge", "user.id") // nobody is believed, so nobody is asked

	here := w.charlotte
	here.Here = true
	golden(t, w.beginEnroll(t, here).options, strings.NewReplacer(
		`"requireResidentKey"`, "\"authenticatorAttachment\": \"platform\",\n  \"requireResidentKey\"",
		` "pubKeyCredParams"`, " \"hints\": [\n  \"client-device\"\n ],\n \"pubKeyCredParams\"",
	).Replace(none), "challenge", "user.id")

	unnamed := w.bob
	if p, _, err := w.BeginEnroll(t.Context(), unnamed); err != nil || !bytes.Contains(p.Options, []byte(`"displayName":"bob@riverside.example"`)) {
		t.Errorf("who has no name is shown as %s, %v", p.Options, err)
	}
}

func TestW01_EveryLivePasskeyIsExcluded(t *testing.T) {
	w := newWorld(t)
	phone, key := passkeytest.NewSynced(origin), passkeytest.NewKey(origin)
	made := []factors.Enrollment{w.setUp(t, w.charlotte, phone), w.setUp(t, w.charlotte, key)}
	w.setUp(t, w.bob, passkeytest.New(origin))

	var options struct {
		Exclude []struct {
			ID         string   `json:"id"`
			Type       string   `json:"type"`
			Transports []string `json:"transports"`
		} `json:"excludeCredentials"`
	}
	begun := w.beginEnroll(t, w.charlotte)
	if err := json.Unmarshal(begun.options, &options); err != nil {
		t.Fatal(err)
	}
	if len(options.Exclude) != 2 {
		t.Fatalf("%d are excluded, want 2", len(options.Exclude))
	}
	for i, transports := range [][]string{{"internal", "hybrid"}, {"usb", "nfc"}} {
		got := options.Exclude[i]
		if got.ID != base64.RawURLEncoding.EncodeToString(made[i].Handle) || got.Type != "public-key" || !cmp.Equal(got.Transports, transports) {
			t.Errorf("excluded %+v", got)
		}
	}
	for _, a := range []*passkeytest.Authenticator{phone, key} {
		if _, err := a.Create(begun.options); !errors.Is(err, passkeytest.ErrInvalidState) {
			t.Errorf("an authenticator that has one made a second: %v", err)
		}
	}
}

func TestW01_RequestOptions(t *testing.T) {
	w := newWorld(t)
	phone := w.setUp(t, w.charlotte, passkeytest.New(origin))
	want := `{
 "allowCredentials": [
  {
   "id": "` + base64.RawURLEncoding.EncodeToString(phone.Handle) + `",
   "transports": [
    "internal"
   ],
   "type": "public-key"
  }
 ],
 "challenge": "«challenge»",
 "rpId": "vsee.example",
 "timeout": 300000,
 "userVerification": "preferred"
}`
	if got := golden(t, w.beginChallenge(t, w.charlotte).options, want, "challenge"); len(got[0]) != 32 {
		t.Errorf("a challenge of %d bytes", len(got[0]))
	}
	key := w.setUp(t, w.bob, passkeytest.NewKey(origin))
	golden(t, w.beginChallenge(t, w.bob).options, strings.NewReplacer(
		base64.RawURLEncoding.EncodeToString(phone.Handle), base64.RawURLEncoding.EncodeToString(key.Handle),
		`    "internal"`, "    \"usb\",\n    \"nfc\"",
		` "rpId"`, " \"hints\": [\n  \"security-key\"\n ],\n \"rpId\"",
	).Replace(want), "challenge")
}

// Who has not said who it is is shown nobody's credentials.
func TestW08_DiscoveryNamesNobody(t *testing.T) {
	w := newWorld(t)
	w.setUp(t, w.charlotte, passkeytest.New(origin))
	golden(t, w.beginDiscover(t).options, `{
 "challenge": "«challenge»",
 "rpId": "vsee.example",
 "timeout": 300000,
 "userVerification": "required"
}`, "challenge")
}

func TestNothingToAskFor(t *testing.T) {
	w := newWorld(t)
	if p, _, err := w.BeginChallenge(t.Context(), w.charlotte, nil); !errors.Is(err, factors.ErrState) || p.Options != nil {
		t.Errorf("a challenge of who has no passkey: %s, %v", p.Options, err)
	}
}

func TestW07_Details(t *testing.T) {
	w := newWorld(t)
	w.setUp(t, w.charlotte, passkeytest.New(origin))
	handle, err := w.db.UserHandle(t.Context(), w.charlotte.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, shown := range map[string]string{"Charlotte Jones": "Charlotte Jones", "": "charlotte@lakeside.example"} {
		u := w.charlotte
		u.Name, u.Email = name, "charlotte@lakeside.example"
		_, got, err := w.Signals(t.Context(), u, w.enrolled(t, u))
		if err != nil {
			t.Fatal(err)
		}
		want := `{"displayName":"` + shown + `","name":"charlotte@lakeside.example","rpId":"vsee.example","userId":"` + base64.RawURLEncoding.EncodeToString(handle) + `"}`
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	}
	if _, got, err := w.Signals(t.Context(), w.bob, nil); got != nil || err != nil {
		t.Errorf("who never had a passkey: %s, %v", got, err)
	}
}

func TestW07_AcceptedIsComplete(t *testing.T) {
	w := newWorld(t)
	list := func(enrolled []factors.Enrollment) string {
		t.Helper()
		out, _, err := w.Signals(t.Context(), w.charlotte, enrolled)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	totp := factors.Enrollment{ID: "019a", UserID: w.charlotte.ID, Kind: factors.TOTP, Secret: []byte("seed")}
	if got := list([]factors.Enrollment{totp}); got != "" {
		t.Errorf("who never had a passkey: %s", got)
	}
	first, second := w.setUp(t, w.charlotte, passkeytest.New(origin)), w.setUp(t, w.charlotte, passkeytest.NewKey(origin))
	id := base64.RawURLEncoding.EncodeToString
	handle, err := w.db.UserHandle(t.Context(), w.charlotte.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"allAcceptedCredentialIds":["` + id(first.Handle) + `","` + id(second.Handle) + `"],"rpId":"vsee.example","userId":"` + id(handle) + `"}`
	if diff := cmp.Diff(want, list(append(w.enrolled(t, w.charlotte), totp))); diff != "" {
		t.Error(diff)
	}
	if got := list([]factors.Enrollment{totp}); !strings.Contains(got, `"allAcceptedCredentialIds":[]`) {
		t.Errorf("who has removed every passkey: %s", got)
	}
	if _, _, err := w.Signals(t.Context(), w.bob, w.enrolled(t, w.charlotte)); !errors.Is(err, factors.ErrState) {
		t.Errorf("of another person: %v", err)
	}
}

func TestW09_RelatedOrigins(t *testing.T) {
	if w := newWorld(t); w.RelatedOrigins() != nil {
		t.Error("one origin is related to others")
	}
	elsewhere := "https://id.clinic.example"
	w := newWorld(t, func(c *passkey.Config) { c.Origins = append(c.Origins, elsewhere) })
	answer := httptest.NewRecorder()
	w.RelatedOrigins().ServeHTTP(answer, httptest.NewRequest("GET", "/.well-known/webauthn", nil))
	if got := answer.Body.String(); got != `{"origins":["https://id.vsee.example","https://id.clinic.example"]}` || answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s %s", answer.Header().Get("Content-Type"), got)
	}
	phone := passkeytest.New(origin)
	phone.Lies.Origin = elsewhere // a browser that has read the list
	w.setUp(t, w.charlotte, phone)
	if _, err := w.prove(t, w.charlotte, phone); err != nil {
		t.Errorf("from a related origin: %v", err)
	}
}

func TestConfig(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]passkey.Config{
		"nothing":        {},
		"no name":        {RPID: rpID, Origins: []string{origin}, Store: w.db},
		"no store":       {RPID: rpID, RPName: "VSee", Origins: []string{origin}},
		"no origin":      {RPID: rpID, RPName: "VSee", Store: w.db},
		"a URL as RPID":  {RPID: origin, RPName: "VSee", Origins: []string{origin}, Store: w.db},
		"an IP address":  {RPID: "192.0.2.7", RPName: "VSee", Origins: []string{"https://192.0.2.7"}, Store: w.db},
		"another domain": {RPID: "other.example", RPName: "VSee", Origins: []string{origin}, Store: w.db},
		"half a label":   {RPID: "see.example", RPName: "VSee", Origins: []string{origin}, Store: w.db},
		"too many origins": {RPID: rpID, RPName: "VSee", Store: w.db, Origins: []string{
			origin, "https://a.example", "https://b.example", "https://c.example", "https://d.example", "https://e.example",
		}},
	} {
		if _, err := passkey.New(c); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// clinic is an app with an API, and a visitor who is signed in there.
func clinic(t *testing.T) (*liar, *visitor) {
	t.Helper()
	l := newLiar(t)
	v := visit(t, startApp(t, Config{Issuer: l.URL, API: "/api"}))
	l.api = v.app + "/api"
	l.granted["auth_time"] = time.Now().Add(-time.Hour).Unix() // of this morning
	if page := v.signIn(l); !strings.Contains(page, "Sign a prescription") {
		t.Fatalf("the clinic has no prescriptions: %s", page)
	}
	return l, v
}

// sign presses the button. It returns what the provider is asked; nil when it is not.
func (v *visitor) sign(l *liar) (asked url.Values, page string) {
	v.t.Helper()
	w, page := v.send(http.MethodPost, "/prescription/sign")
	if to := w.Header.Get("Location"); strings.HasPrefix(to, l.URL+"/authorize?") {
		u, err := url.Parse(to)
		must(v.t, err)
		l.asked = u.Query()
		return u.Query(), page
	}
	return nil, page
}

// comeBack answers what was asked with a code.
func (v *visitor) comeBack(l *liar, asked url.Values) (*http.Response, string) {
	v.t.Helper()
	return v.send(http.MethodGet, "/callback?"+url.Values{"code": {"good"}, "state": {asked.Get("state")}, "iss": {l.URL}}.Encode())
}

// TestA28_Prescription signs one: the API demands a step-up, and the app comes back from it to sign.
func TestA28_Prescription(t *testing.T) {
	l, v := clinic(t)
	if _, page := v.send(http.MethodGet, "/prescription"); !strings.Contains(page, "Amoxicillin") || strings.Contains(page, "Signed with") {
		t.Fatalf("the prescription: %s", page)
	}
	before := v.cookie()
	asked, _ := v.sign(l)
	if asked == nil {
		t.Fatal("a sign-in of this morning is enough")
	}
	const acr = "http://schemas.openid.net/pape/policies/2007/06/multi-factor http://idmanagement.gov/ns/assurance/aal/2 phr phrh"
	if asked.Get("acr_values") != acr || asked.Get("max_age") != "300" || asked.Get("claims") != `{"id_token":{"sub":{"value":"someone"}}}` ||
		asked.Get("code_challenge_method") != "S256" || strings.Contains(asked.Encode(), "rx-1042") {
		t.Errorf("the provider is asked %v", asked)
	}
	l.granted = map[string]any{"acr": "phr", "amr": []string{"mfa", "pop", "swk", "user"}}
	l.claims["acr"] = "phr"
	w, page := v.comeBack(l, asked)
	if w.StatusCode != http.StatusOK || !strings.Contains(page, "Signed with a passkey") || !strings.Contains(page, "The prescription is signed") {
		t.Fatalf("%s %s", w.Status, page)
	}
	if v.cookie() == before {
		t.Error("the session of the app kept its id")
	}
	if strings.Contains(page, "nothing was asked") {
		t.Errorf("asked, and told that nothing was: %s", page)
	}
	// Within five minutes nobody is asked again, and the page says why.
	l.asked = nil
	until := time.Now().Add(5 * time.Minute)
	if asked, page := v.sign(l); asked != nil || !strings.Contains(page, "Signed with a passkey") {
		t.Errorf("a moment later: %v %s", asked, page)
	} else if m := regexp.MustCompile(`so nothing was asked. It asks again from (\d\d:\d\d) UTC`).FindStringSubmatch(page); m == nil {
		t.Errorf("not told why nothing was asked: %s", page)
	} else if at, err := time.Parse("2006-01-02 15:04", until.UTC().Format("2006-01-02 ")+m[1]); err != nil || at.Before(until.Add(-time.Minute)) && until.Sub(at) < 12*time.Hour || at.After(until.Add(2*time.Minute)) {
		t.Errorf("told that it asks again at %s, at %s", m[1], until)
	}
	if _, page := v.send(http.MethodGet, "/"); !strings.Contains(page, welcome) || !strings.Contains(page, l.URL+"/account") {
		t.Errorf("home: %s", page)
	}
}

// TestAskedFirst: who was asked a moment ago can be asked again all the same, before it is signed.
func TestAskedFirst(t *testing.T) {
	l, v := clinic(t)
	l.granted = map[string]any{}
	v.signIn(l)
	w, _ := v.send(http.MethodPost, "/prescription/step-up")
	to, err := w.Location()
	must(t, err)
	asked := to.Query()
	if l.asked = asked; asked.Get("max_age") != "0" || !strings.Contains(asked.Get("acr_values"), multiFactor) || asked.Get("claims") != `{"id_token":{"sub":{"value":"someone"}}}` {
		t.Errorf("the provider is asked %v", asked)
	}
	if w, page := v.comeBack(l, asked); w.StatusCode != http.StatusOK || !strings.Contains(page, "The prescription is signed.") || strings.Contains(page, "nothing was asked") {
		t.Errorf("%s %s", w.Status, page)
	}
}

// TestPrescriptionProof says what proved who signed.
func TestPrescriptionProof(t *testing.T) {
	for want, granted := range map[string]map[string]any{
		"Signed with a fresh code":    {},
		"Signed with a recovery code": {"recovery": true},
		"Signed with a passkey":       {"acr": "phrh", "amr": []string{"hwk", "mfa", "pop", "pwd", "user"}},
		"Signed with a fresh sign-in": {"amr": []string{"mfa"}},
	} {
		l, v := clinic(t)
		asked, _ := v.sign(l)
		l.granted = granted
		if _, page := v.comeBack(l, asked); !strings.Contains(page, want) {
			t.Errorf("%s: %s", want, page)
		}
	}
}

// TestA28_LoopGuard: a provider whose answer to a step-up is not enough is not asked again by itself.
func TestA28_LoopGuard(t *testing.T) {
	l, v := clinic(t)
	for range 3 { // as often as the person presses the button
		asked, _ := v.sign(l)
		if asked == nil {
			t.Fatal("no step-up")
		}
		w, page := v.comeBack(l, asked)
		if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "The prescription was not signed") || !strings.Contains(page, `href="/prescription"`) {
			t.Fatalf("%s %s %s", w.Status, w.Header.Get("Location"), page)
		}
		// The answer is good once.
		if w, page := v.comeBack(l, asked); w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "This sign-in is over") {
			t.Errorf("%s %s", w.Status, page)
		}
	}
	if _, page := v.send(http.MethodGet, "/prescription"); strings.Contains(page, "Signed with") {
		t.Errorf("signed all the same: %s", page)
	}
}

// TestA28_StepUpThatIsNone: the ID token of a step-up is held to what the API demanded, and the API is not asked
// with tokens that say less. Who was signed in before still is.
func TestA28_StepUpThatIsNone(t *testing.T) {
	for claim, said := range map[string]any{"acr": "urn:vsee:acr:1fa", "auth_time": time.Now().Add(-time.Hour).Unix()} {
		l, v := clinic(t)
		asked, _ := v.sign(l)
		l.claims[claim], l.granted = said, map[string]any{} // the API would take them
		w, page := v.comeBack(l, asked)
		if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "sign-in is needed") || !strings.Contains(page, "The prescription was not signed") || !strings.Contains(page, `href="/prescription"`) {
			t.Errorf("%s: %s %s", claim, w.Status, page)
		}
		if _, page := v.send(http.MethodGet, "/prescription"); strings.Contains(page, "Signed with") || !strings.Contains(page, "Amoxicillin") {
			t.Errorf("%s: %s", claim, page)
		}
	}
}

// TestStepUpOfAnother: who comes back is another person. Nothing is signed, and nobody is signed in
// in the place of who began.
func TestStepUpOfAnother(t *testing.T) {
	l, v := clinic(t)
	asked, _ := v.sign(l)
	l.claims["sub"], l.subject, l.granted = "another", "another", map[string]any{}
	w, page := v.comeBack(l, asked)
	if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "Somebody else signed in") {
		t.Errorf("%s %s", w.Status, page)
	}
	if _, page := v.send(http.MethodGet, "/"); !strings.Contains(page, ">someone<") {
		t.Errorf("signed in now: %s", page)
	}
}

// TestStepUpRefused puts the provider's errors into words that say what becomes of the prescription.
func TestStepUpRefused(t *testing.T) {
	l, v := clinic(t)
	for code, says := range map[string]string{
		"unmet_authentication_requirements": "You can set one up on the page of your account",
		"access_denied":                     "You left the sign-in",
		"temporarily_unavailable":           "Please try again in a minute",
	} {
		asked, _ := v.sign(l)
		w, page := v.send(http.MethodGet, "/callback?"+url.Values{"error": {code}, "state": {asked.Get("state")}, "iss": {l.URL}}.Encode())
		if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, says) || !strings.Contains(page, "The prescription was not signed") || !strings.Contains(page, `href="/prescription"`) {
			t.Errorf("%s: %s %s", code, w.Status, page)
		}
	}
	if _, page := v.send(http.MethodGet, "/"); !strings.Contains(page, welcome) {
		t.Errorf("not signed in any more: %s", page)
	}
}

// TestPrescriptionRefreshes gets new tokens first when the old ones have run out.
func TestPrescriptionRefreshes(t *testing.T) {
	l := newLiar(t)
	v := visit(t, startApp(t, Config{Issuer: l.URL, API: "/api"}))
	l.api, l.lifetime = v.app+"/api", 1 // which x/oauth2 takes as over
	v.signIn(l)
	if asked, page := v.sign(l); asked != nil || !strings.Contains(page, "Signed with a fresh code") || l.token.Get("grant_type") != "refresh_token" {
		t.Errorf("%v: %s", l.token, page)
	}
	l.refuse = "invalid_grant"
	if _, page := v.sign(l); !strings.Contains(page, "You have been signed out") {
		t.Errorf("refused: %s", page)
	}
}

// TestAPI calls the API of the clinic past its pages.
func TestAPI(t *testing.T) {
	l, v := clinic(t)
	l.granted = map[string]any{}
	call := func(rx, token string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, l.api+"/prescriptions/"+rx+"/signature", nil)
		must(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w, err := http.DefaultClient.Do(r)
		must(t, err)
		defer w.Body.Close()
		body, err := io.ReadAll(w.Body)
		must(t, err)
		return w, string(body)
	}
	w, body := call("rx-1042", l.access())
	var signed signature
	if err := json.Unmarshal([]byte(body), &signed); w.StatusCode != http.StatusOK || err != nil || signed.By != "someone" || signed.Prescription != "rx-1042" {
		t.Errorf("%s %s", w.Status, body)
	}
	if w, body := call("rx-1", l.access()); w.StatusCode != http.StatusNotFound {
		t.Errorf("no prescription: %s %s", w.Status, body)
	}
	id := l.sign(map[string]any{"iss": l.URL, "aud": l.api, "sub": "someone", "client_id": "app", "jti": "x", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()})
	for name, token := range map[string]string{"no token": "", "nonsense": "x", "an ID token": id} {
		if w, body := call("rx-1042", token); w.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s %s", name, w.Status, body)
		}
	}
	l.api = "https://api.example"
	other := l.access()
	l.api = v.app + "/api"
	if w, body := call("rx-1042", other); w.StatusCode != http.StatusUnauthorized {
		t.Errorf("for another API: %s %s", w.Status, body)
	}
}

// TestPrescriptionsAreOfTheClinic: the other app has none, nobody signs without being signed in, and
// no other site presses the button.
func TestPrescriptionsAreOfTheClinic(t *testing.T) {
	l, v := clinic(t)
	for _, path := range []string{"/prescription/sign", "/prescription/step-up"} {
		if w, _ := v.send(http.MethodPost, path, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); w.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", path, w.Status)
		}
	}
	stranger := visit(t, v.app)
	for _, c := range [][2]string{{http.MethodGet, "/prescription"}, {http.MethodPost, "/prescription/sign"}, {http.MethodPost, "/prescription/step-up"}} {
		if w, page := stranger.send(c[0], c[1]); w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "You are not signed in") {
			t.Errorf("%s by a stranger: %s %s", c[1], w.Status, page)
		}
	}
	plain := visit(t, newApp(t, l, ""))
	if page := plain.signIn(l); strings.Contains(page, "Sign a prescription") || !strings.Contains(page, l.URL+"/account") {
		t.Errorf("an app without an API: %s", page)
	}
	if w, _ := plain.send(http.MethodGet, "/prescription"); w.StatusCode != http.StatusNotFound {
		t.Errorf("an app without an API: %s", w.Status)
	}
}

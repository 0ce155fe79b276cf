package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// administration is the API as a client of it sees it.
type administration struct {
	t     testing.TB
	s     *testServer
	token string
}

func (s *testServer) administration(t testing.TB) administration {
	t.Helper()
	app := optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "admin", Secret: adminSecret, Scopes: "admin"})
	return administration{t, s, wantStatus(t, "client_credentials", app.Token(optest.With("grant_type", "client_credentials")), http.StatusOK).AccessToken}
}

// call posts body and reads the answer, which has to be JSON.
func (a administration) call(path, body string, change ...func(*http.Request)) (int, http.Header, map[string]any) {
	a.t.Helper()
	r := httptest.NewRequest(http.MethodPost, a.s.issuer+"/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.token)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	a.s.provider.handler.ServeHTTP(w, r)
	response := w.Result()
	text, err := io.ReadAll(response.Body)
	must(a.t, err)
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		a.t.Fatalf("%s answered %d %q: %v", path, response.StatusCode, text, err)
	}
	if response.Header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s: Cache-Control %q", path, response.Header.Get("Cache-Control"))
	}
	if response.StatusCode >= 400 {
		if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
			a.t.Errorf("%s: Content-Type %q", path, got)
		}
		if document["title"] == "" || document["instance"] != response.Header.Get("X-Request-Id") {
			a.t.Errorf("%s: a problem without title or reference: %v", path, document)
		}
	}
	return response.StatusCode, response.Header, document
}

func (s *testServer) person(t testing.TB, email string) string {
	t.Helper()
	u, err := s.parts.durable.UserByEmail(t.Context(), email)
	must(t, err)
	return u.ID
}

// enroll gives a person an authenticator app, behind the pages' back.
func (s *testServer) enroll(t testing.TB, userID string) {
	t.Helper()
	now := time.Now()
	must(t, s.parts.durable.EnrollFirst(t.Context(), factors.Enrollment{
		ID: uuid.NewString(), UserID: userID, Kind: factors.TOTP, Secret: []byte("twenty bytes of seed"), Confirmed: now, Created: now,
	}, login.Grounds{}, storage.Trail{}))
}

// TestT27_ResetByAPI takes a person's factors, and leaves who did it and why.
func TestT27_ResetByAPI(t *testing.T) {
	s := startServer(t, on{})
	id := s.person(t, charlotte)
	s.enroll(t, id)
	a := s.administration(t)
	const reason = "lost the phone; called back on the number on file"
	status, _, done := a.call("/users/"+id+"/mfa/reset", `{"reason":"`+reason+`"}`)
	if status != http.StatusOK || done["removed"] != 1.0 || done["user_id"] != id || done["has_password"] != true {
		t.Fatalf("reset: %d %v", status, done)
	}
	left, err := s.parts.durable.Enrollments(t.Context(), id)
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	events, err := s.parts.durable.Events(t.Context(), sqldb.EventFilter{Type: storage.FactorRemoved}, storage.Page{})
	must(t, err)
	if len(events) != 1 || events[0].ClientID != "admin" || events[0].Detail["reason"] != reason || events[0].Detail["actor"] != "api" {
		t.Errorf("events %+v", events)
	}
	if status, _, again := a.call("/users/"+id+"/mfa/reset", `{"reason":"again"}`); status != http.StatusOK || again["removed"] != 0.0 {
		t.Errorf("a second time: %d %v", status, again)
	}
}

// TestT27_NobodyIsCalledThat asks for people whose id is no text, which a database may refuse to look for.
func TestT27_NobodyIsCalledThat(t *testing.T) {
	for _, servers := range []bool{false, true} {
		s := startServer(t, on{servers: servers})
		a := s.administration(t)
		for _, id := range []string{"%00", "%ff", "a%00b"} {
			for path, body := range map[string]string{"/mfa/reset": `{"reason":"lost"}`, "/enrollment-tickets": `{"reason":"lost"}`} {
				if status, _, problem := a.call("/users/"+id+path, body); status != http.StatusNotFound {
					t.Errorf("%s%s: %d %v", id, path, status, problem)
				}
			}
		}
	}
}

// TestT27_Ticket gives a one-time ticket, for as long as was asked.
func TestT27_Ticket(t *testing.T) {
	clock := &clock{}
	s := startServer(t, on{now: clock.now})
	id := s.person(t, charlotte)
	a := s.administration(t)
	for body, valid := range map[string]time.Duration{
		`{"reason":"new colleague"}`:                       time.Hour,
		`{"reason":"new colleague","valid_seconds":600}`:   10 * time.Minute,
		`{"reason":"new colleague","valid_seconds":86400}`: 24 * time.Hour,
	} {
		before := clock.now()
		status, _, got := a.call("/users/"+id+"/enrollment-tickets", body)
		if status != http.StatusCreated || len(got["ticket"].(string)) != 12 {
			t.Fatalf("%s: %d %v", body, status, got)
		}
		expires, err := time.Parse(time.RFC3339, got["expires"].(string))
		must(t, err)
		if d := expires.Sub(before) - valid; d < -time.Minute || d > time.Minute {
			t.Errorf("%s: expires %v after it was asked for", body, expires.Sub(before))
		}
		must(t, s.parts.durable.BurnTicket(t.Context(), id, got["ticket"].(string), clock.now(), storage.Trail{}))
	}
}

// TestT27_WhoMay tries every token that is not for it.
func TestT27_WhoMay(t *testing.T) {
	s := startServer(t, on{})
	id := s.person(t, sam)
	a := s.administration(t)
	reset := "/users/" + id + "/mfa/reset"

	reports := wantStatus(t, "client_credentials", s.reportsApp(t).Token(optest.With("grant_type", "client_credentials")), http.StatusOK)
	flow := s.clinicApp(t).Begin()
	page := toFactor(t, optest.NewBrowser(t, s.issuer).Open(flow.URL()), sam)
	person := wantStatus(t, "code", flow.App.Redeem(flow, flow.Code(page)), http.StatusOK)

	for what, c := range map[string]struct {
		header string
		status int
		says   string
	}{
		"no token":          {"", http.StatusUnauthorized, "Bearer"},
		"another scheme":    {"Basic YTpi", http.StatusUnauthorized, "Bearer"},
		"garbage":           {"Bearer x.y.z", http.StatusUnauthorized, "invalid_token"},
		"another scope":     {"Bearer " + reports.AccessToken, http.StatusForbidden, "insufficient_scope"},
		"a person's token":  {"Bearer " + person.AccessToken, http.StatusForbidden, "insufficient_scope"},
		"an ID token":       {"Bearer " + person.IDToken, http.StatusUnauthorized, "invalid_token"},
		"a refresh token":   {"Bearer " + person.RefreshToken, http.StatusUnauthorized, "invalid_token"},
		"two in one header": {"Bearer " + a.token + " " + a.token, http.StatusUnauthorized, "invalid_token"},
	} {
		status, header, _ := a.call(reset, `{"reason":"x"}`, func(r *http.Request) { r.Header.Set("Authorization", c.header) })
		if status != c.status || !strings.Contains(header.Get("WWW-Authenticate"), c.says) {
			t.Errorf("%s: %d %q", what, status, header.Get("WWW-Authenticate"))
		}
	}

	for what, c := range map[string]struct {
		path, body string
		change     func(*http.Request)
		status     int
	}{
		"no such person":    {"/users/nobody/mfa/reset", `{"reason":"x"}`, nil, http.StatusNotFound},
		"no such operation": {"/users/" + id + "/mfa", `{"reason":"x"}`, nil, http.StatusNotFound},
		"no reason":         {reset, `{}`, nil, http.StatusBadRequest},
		"an empty reason":   {reset, `{"reason":" "}`, nil, http.StatusBadRequest},
		"a long reason":     {reset, `{"reason":"` + strings.Repeat("x", 501) + `"}`, nil, http.StatusBadRequest},
		"a field too many":  {reset, `{"reason":"x","ticket":true}`, nil, http.StatusBadRequest},
		"two bodies":        {reset, `{"reason":"x"}{"reason":"y"}`, nil, http.StatusBadRequest},
		"no JSON":           {reset, `reason=x`, nil, http.StatusBadRequest},
		"a form":            {reset, `{"reason":"x"}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		"too much":          {reset, `{"reason":"` + strings.Repeat("x", 20<<10) + `"}`, nil, http.StatusRequestEntityTooLarge},
		"a ticket for ever": {"/users/" + id + "/enrollment-tickets", `{"reason":"x","valid_seconds":9223372036854775807}`, nil, http.StatusBadRequest},
		"a ticket for now":  {"/users/" + id + "/enrollment-tickets", `{"reason":"x","valid_seconds":0}`, nil, http.StatusBadRequest},
	} {
		var changes []func(*http.Request)
		if c.change != nil {
			changes = append(changes, c.change)
		}
		if status, _, got := a.call(c.path, c.body, changes...); status != c.status {
			t.Errorf("%s: %d %v, want %d", what, status, got, c.status)
		}
	}

	// A client that is disabled, or lost the scope, is out before its token is.
	admin, err := s.parts.durable.Client(t.Context(), "admin")
	must(t, err)
	admin.Scopes = nil
	must(t, s.parts.durable.UpdateClient(t.Context(), admin, storage.Trail{}))
	if status, _, _ := a.call(reset, `{"reason":"x"}`); status != http.StatusForbidden {
		t.Errorf("without the scope: %d", status)
	}
	admin, err = s.parts.durable.Client(t.Context(), "admin")
	must(t, err)
	admin.Scopes, admin.Disabled = []string{"admin"}, time.Now()
	must(t, s.parts.durable.UpdateClient(t.Context(), admin, storage.Trail{}))
	if status, _, _ := a.call(reset, `{"reason":"x"}`); status != http.StatusUnauthorized {
		t.Errorf("disabled: %d", status)
	}
	left, err := s.parts.durable.Events(t.Context(), sqldb.EventFilter{Type: storage.FactorRemoved}, storage.Page{})
	if err != nil || len(left) != 0 {
		t.Errorf("something was done: %v, %v", left, err)
	}
}

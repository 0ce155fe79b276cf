package resource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/vsee/vseeid/op/resource"
)

// An API on which a prescription is signed, and an app that calls it: with a token of this morning,
// and again with one of a sign-in that the API asked for.
func Example() {
	provider := startProvider() // stands in for https://id.example
	defer provider.Close()

	// The API.
	api, err := resource.New(resource.Config{
		Issuer:   provider.URL,
		Audience: "https://api.clinic.example",
		Now:      provider.clock.Now, // a real API leaves it out
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /prescriptions/{id}/signature", api.Protect(resource.Require{
		ACR:    resource.Implying(resource.ACRPhishing, resource.ACRMultiFactor), // a passkey is preferred
		MaxAge: 5 * time.Minute,
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := resource.From(r.Context())
		fmt.Fprintf(w, "%s is signed by %s", r.PathValue("id"), token.Subject)
	})))
	server := httptest.NewServer(mux)
	defer server.Close()

	// The app.
	sign := func(accessToken string) {
		request, err := http.NewRequest(http.MethodPost, server.URL+"/prescriptions/rx-7/signature", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Authorization", "Bearer "+accessToken)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		defer answer.Body.Close()
		fmt.Println(answer.Status)
		if challenge, ok := resource.ParseChallenge(answer.Header); ok {
			// These go into the authorization request, beside client_id, redirect_uri, state, …
			fmt.Println("acr_values:", challenge.Params().Get("acr_values"))
			fmt.Println("max_age:", challenge.Params().Get("max_age"))
		}
	}
	sign(provider.token(claims{"auth_time": noon.Add(-3 * time.Hour).Unix()}))
	sign(provider.token(claims{"auth_time": noon.Unix(), "acr": "phr"}))

	// Output:
	// 401 Unauthorized
	// acr_values: phr http://schemas.openid.net/pape/policies/2007/06/multi-factor http://idmanagement.gov/ns/assurance/aal/2 phrh
	// max_age: 300
	// 200 OK
}

// An operation that cannot be undone asks the provider whether the grant behind the token still holds.
func ExampleRequire_live() {
	provider := startProvider() // stands in for https://id.example
	defer provider.Close()

	api, err := resource.New(resource.Config{
		Issuer:   provider.URL,
		Audience: "https://api.clinic.example",
		Now:      provider.clock.Now, // a real API leaves it out
	})
	if err != nil {
		panic(err)
	}
	sign := api.Protect(resource.Require{
		ACR:    resource.Implying(resource.ACRMultiFactor),
		MaxAge: 5 * time.Minute,
		Live:   true,
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "signed") }))

	token := provider.token(nil)
	try := func() {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		sign.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	try()
	provider.set(func() { provider.ended["019-charlotte"] = true }) // support resets the person
	provider.clock.pass(30 * time.Second)
	try()

	// Output:
	// 200 signed
	// 401 {"error":"invalid_token","error_description":"The access token is not valid or has expired."}
}

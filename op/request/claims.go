package request

import (
	"bytes"
	"encoding/json"
)

// Claims is what counts here of the claims parameter (OpenID Connect Core 5.5): which acr, and
// which person, the ID token has to have. Every other claim comes with its scope or not at all.
type Claims struct {
	ACR       []string // in order of preference
	Essential bool     // one of ACR, or an error
	Subject   string   // nobody else may result
}

const maxClaims = 8 << 10

func badClaims() *Error { return refuse(InvalidRequest, "claims is not a claims request.") }

// claimRequest is the request for one claim.
type claimRequest struct {
	Essential bool     `json:"essential,omitempty"`
	Value     *string  `json:"value,omitempty"`
	Values    []string `json:"values,omitempty"`
}

// all are the values that would do.
func (c claimRequest) all() []string {
	if c.Value != nil {
		return append([]string{*c.Value}, c.Values...)
	}
	return c.Values
}

func parseClaims(s string) (Claims, *Error) {
	if s == "" {
		return Claims{}, nil
	}
	var top map[string]json.RawMessage
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &top) != nil || top == nil || !member(top, "id_token", &members) {
		return Claims{}, badClaims()
	}
	acr, okACR := parseClaim(members, "acr")
	sub, okSub := parseClaim(members, "sub")
	if !okACR || !okSub {
		return Claims{}, badClaims()
	}
	var c Claims
	for _, v := range acr.all() {
		if !acrValue(v) {
			return Claims{}, badClaims()
		}
		c.ACR = append(c.ACR, v)
	}
	// Asked for as essential without a value it only has to be there, as it always is.
	c.Essential = acr.Essential && len(c.ACR) > 0
	switch subs := sub.all(); {
	case len(subs) > 1 || len(c.ACR) > maxACRValues:
		return Claims{}, badClaims()
	case len(subs) == 1 && (subs[0] == "" || len(subs[0]) > 255 || !visible(subs[0])):
		return Claims{}, badClaims()
	case len(subs) == 1:
		c.Subject = subs[0]
	}
	return c, nil
}

// parseClaim reads the request for one claim member by member, because decoding into a struct would
// take Essential for essential.
func parseClaim(members map[string]json.RawMessage, name string) (c claimRequest, ok bool) {
	var m map[string]json.RawMessage
	ok = member(members, name, &m) &&
		member(m, "essential", &c.Essential) &&
		member(m, "value", &c.Value) &&
		member(m, "values", &c.Values)
	return c, ok
}

// member reads one member of an object into v. An absent one and null leave v as it is.
func member(object map[string]json.RawMessage, name string, v any) bool {
	raw, ok := object[name]
	return !ok || json.Unmarshal(raw, v) == nil
}

// String is c as a claims parameter; empty when it asks for nothing.
func (c Claims) String() string {
	members := map[string]claimRequest{}
	if len(c.ACR) > 0 {
		members["acr"] = claimRequest{Essential: c.Essential, Values: c.ACR}
	}
	if c.Subject != "" {
		members["sub"] = claimRequest{Value: &c.Subject}
	}
	if len(members) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // else it could grow beyond what is read back
	if e.Encode(map[string]any{"id_token": members}) != nil {
		panic("request: strings do not encode") // maps of strings always do
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

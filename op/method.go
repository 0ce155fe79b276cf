package op

import (
	"net/http"
	"slices"
	"strings"
)

// methods are the handlers of one path by their methods. HEAD is answered as GET is; any other
// method gets 405 and what is allowed.
type methods map[string]http.Handler

func (m methods) with(refuse func(http.ResponseWriter, *http.Request)) http.Handler {
	var allowed []string
	for method := range m {
		allowed = append(allowed, method)
	}
	if get, ok := m[http.MethodGet]; ok {
		m[http.MethodHead] = get
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := m[r.Method]; ok {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, r)
	})
}

package docs

import (
	"encoding/json"
	"encoding/pem"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// userServer answers as EventStoreDB's documentation says of the management of users; it knows only what users.sh asks. As a real
// cluster it knows a changed password moments later: the node that is asked goes on with the one before, and the leader, which it passes
// changes to, has its own moment.
type userServer struct {
	mu        sync.Mutex
	passwords map[string]string
	cached    map[string]*cachedPassword // where they are not what they were changed to
	written   []string                   // streams and types of events
	refuse    string                     // a path that is answered with 500
}

// cachedPassword is one that was changed; it is still the one to some requests more.
type cachedPassword struct {
	before        string
	asked, leader int
}

// lag has the change of a user's password reach the caches after some requests only.
func (s *userServer) lag(user, before string) {
	if s.cached == nil {
		s.cached = map[string]*cachedPassword{}
	}
	s.cached[user] = &cachedPassword{before: before, asked: 2, leader: 1}
}

// takes is whether a request's password is the user's, to the node that is asked and, for a change, to the leader.
func (s *userServer) takes(user, password string, change bool) bool {
	at := func(left *int) string {
		if *left == 0 {
			return s.passwords[user]
		}
		*left--
		return s.cached[user].before
	}
	if s.cached[user] == nil {
		return s.passwords[user] == password && password != ""
	}
	if password == "" || at(&s.cached[user].asked) != password {
		return false
	}
	return !change || at(&s.cached[user].leader) == password
}

func (s *userServer) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	body, _ := io.ReadAll(r.Body)
	var said map[string]any
	switch path := r.URL.Path; {
	case path == s.refuse:
		w.WriteHeader(nethttp.StatusInternalServerError)
	case !s.takes(user, password, r.Method == nethttp.MethodPost):
		w.WriteHeader(nethttp.StatusUnauthorized)
	case r.Method == nethttp.MethodGet && path == "/users/$current":
	case json.Unmarshal(body, &said) != nil:
		w.WriteHeader(nethttp.StatusBadRequest)
	case path == "/users/"+user+"/command/change-password" && said["currentPassword"] == password:
		s.lag(user, password)
		s.passwords[user], _ = said["newPassword"].(string)
	case path == "/users/" && user == "admin":
		name, _ := said["loginName"].(string)
		if s.passwords[name] != "" {
			w.WriteHeader(nethttp.StatusConflict)
			return
		}
		s.lag(name, "")
		s.passwords[name], _ = said["password"].(string)
		w.WriteHeader(nethttp.StatusCreated)
	case strings.HasPrefix(path, "/streams/") && user == "admin" && len(r.Header.Get("ES-EventId")) == 36:
		s.written = append(s.written, path+" "+r.Header.Get("ES-EventType"))
		w.WriteHeader(nethttp.StatusCreated)
	default:
		w.WriteHeader(nethttp.StatusForbidden)
	}
}

func TestUsersScript(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		t.Parallel()
		s := &userServer{passwords: map[string]string{"admin": `change"it\`, "ops": `change"it\`}}
		server := httptest.NewTLSServer(s)
		defer server.Close()
		b := bareAs(t, user, umask)
		ca := b.write("the ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
		b.env = []string{
			"ESDB=" + server.URL, "CA=" + ca, `OLD_PASSWORD=change"it\`, "ADMIN_PASSWORD=a1", "OPS_PASSWORD=o1", "WAYBILL_PASSWORD=w1",
		}
		const script = "eventstoredb/users.sh"
		s.refuse = "/streams/$settings" // AtomPub is off
		b.refused("access to streams: the server answered 500", script)
		s.refuse = ""
		// Begun again at once by somebody who changed a password a moment ago.
		s.lag("ops", `change"it\`)
		for range 2 { // what was done is passed over
			b.must(script)
		}
		for user, want := range map[string]string{"admin": "a1", "ops": "o1", "waybill": "w1"} {
			if s.passwords[user] != want {
				t.Errorf("%s has the password %q", user, s.passwords[user])
			}
		}
		if want := []string{"/streams/$settings update-default-acl", "/streams/$all/metadata $metadata"}; !slices.Equal(s.written, append(want, want...)) {
			t.Errorf("written: %q", s.written)
		}
		env := append(b.env, "WAIT=1")
		b.env = append(env, "WAYBILL_PASSWORD=another")
		b.refused("waybill can log in: the server answered 401", script)
		b.env = append(env, "OPS_PASSWORD=another") // OLD_PASSWORD is not what it has
		b.refused("takes neither", script)
		b.env = append(env, `ADMIN_PASSWORD=a"b`)
		b.refused("letters and digits only", script)
	})
}

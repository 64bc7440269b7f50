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

// userServer answers as EventStoreDB's documentation says of the management of users; it knows only what users.sh asks.
type userServer struct {
	mu        sync.Mutex
	passwords map[string]string
	written   []string // streams and types of events
	refuse    string   // a path that is answered with 500
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
	case s.passwords[user] != password || password == "":
		w.WriteHeader(nethttp.StatusUnauthorized)
	case r.Method == nethttp.MethodGet && path == "/users/$current":
	case json.Unmarshal(body, &said) != nil:
		w.WriteHeader(nethttp.StatusBadRequest)
	case path == "/users/"+user+"/command/change-password" && said["currentPassword"] == password:
		s.passwords[user], _ = said["newPassword"].(string)
	case path == "/users/" && user == "admin":
		name, _ := said["loginName"].(string)
		if s.passwords[name] != "" {
			w.WriteHeader(nethttp.StatusConflict)
			return
		}
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
	s := &userServer{passwords: map[string]string{"admin": "changeit", "ops": "changeit"}}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	dir := t.TempDir()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	writeFiles(t, dir, map[string]string{"ca.crt": ca})
	env := []string{
		"ESDB=" + server.URL, "CA=" + dir + "/ca.crt", "OLD_PASSWORD=changeit", "ADMIN_PASSWORD=a1", "OPS_PASSWORD=o1", "WAYBILL_PASSWORD=w1",
	}
	s.refuse = "/streams/$settings" // AtomPub is off
	if out, err := sh(t, env, "eventstoredb/users.sh"); err == nil {
		t.Errorf("it went on after a refusal:\n%s", out)
	}
	s.refuse = ""
	for range 2 { // what was done is passed over
		if out, err := sh(t, env, "eventstoredb/users.sh"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for user, want := range map[string]string{"admin": "a1", "ops": "o1", "waybill": "w1"} {
		if s.passwords[user] != want {
			t.Errorf("%s has the password %q", user, s.passwords[user])
		}
	}
	if want := []string{"/streams/$settings update-default-acl", "/streams/$all/metadata $metadata"}; !slices.Equal(s.written, append(want, want...)) {
		t.Errorf("written: %q", s.written)
	}
	if out, err := sh(t, append(env, "WAYBILL_PASSWORD=another"), "eventstoredb/users.sh"); err == nil {
		t.Errorf("the user waybill has another password, which is not noticed:\n%s", out)
	}
	if out, err := sh(t, append(env, `ADMIN_PASSWORD=a"b`), "eventstoredb/users.sh"); err == nil {
		t.Errorf("a password that breaks the JSON:\n%s", out)
	}
}

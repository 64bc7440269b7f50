package esdbtest

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// action is what a caller wants to do with a stream.
type action int

const (
	toRead action = iota
	toWrite
	toDelete
)

// SetPassword gives a login another password, or takes its password away when that is empty: nobody gets in by it. Calls under
// way go on. Of a cluster, it is this node's alone.
func (s *Server) SetPassword(login, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := maps.Clone(*s.users.Load())
	users[login] = password
	s.users.Store(&users)
}

// authenticate checks a call's basic credentials and returns the login, or "" for none. Wrong ones fail every call;
// without users there is nothing to check.
func (s *Server) authenticate(ctx context.Context) (string, error) {
	users := *s.users.Load()
	if len(users) == 0 {
		return "", nil
	}
	header := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(header) == 0 {
		return "", nil
	}
	if scheme, value, _ := strings.Cut(header[0], " "); strings.EqualFold(scheme, "basic") {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		login, password, ok := strings.Cut(string(decoded), ":")
		want, known := users[login]
		if err == nil && ok && known && want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1 {
			return login, nil
		}
	}
	return "", fail(codes.Unauthenticated, "Unauthenticated")
}

// allow decides as a server does that has users and lets nobody in without a name: streams of the system, and $all, are
// for "admin"; other streams are for all users, unless their metadata says who.
func (s *Server) allow(ctx context.Context, name string, do action) error {
	if len(s.options.Users) == 0 {
		return nil
	}
	login, err := s.authenticate(ctx)
	if err != nil {
		return err
	}
	allowed := s.log.allowed(name, do)
	switch {
	case login == "":
		return accessDenied()
	case login == "admin", slices.Contains(allowed, login), slices.Contains(allowed, "$all"):
		return nil
	case login == "ops" && slices.Contains(allowed, "$ops"):
		return nil
	}
	return accessDenied()
}

// allowed is who may do it. A metadata stream is as open as the stream it is of.
func (l *log) allowed(name string, do action) roles {
	l.mu.RLock()
	defer l.mu.RUnlock()
	meta := isMetastream(name)
	if meta {
		name = originalOf(name)
	}
	acl := l.metaOf(name).acl
	if acl == nil {
		acl = &streamACL{}
	}
	stated := acl.Read
	switch {
	case meta && do == toRead:
		stated = acl.MetaRead
	case meta:
		stated = acl.MetaWrite
	case do == toWrite:
		stated = acl.Write
	case do == toDelete:
		stated = acl.Delete
	}
	if stated != nil {
		return stated
	}
	if isSystemStream(name) {
		return roles{"$admins"}
	}
	return roles{"$all"}
}

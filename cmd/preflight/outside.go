package preflight

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"waybill/adapters/eventstoredb"
	filestore "waybill/adapters/media"
	"waybill/adapters/postgres"
	"waybill/cmd/config"
	"waybill/domain"
	"waybill/projections/runtime"
)

// storePatience is how long an EventStoreDB that does not answer is waited for: a node serves without it, and says so.
const storePatience = 5 * time.Second

func lookAtEventStore(ctx context.Context, s *site) ([]Finding, error) {
	if s.Config.EventStore == "postgres" {
		return fine("the log is in the database"), nil
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	err := eventstoredb.Probe(ctx, eventstoredb.Config{ConnectionString: s.Config.EventStore, Prefix: s.Config.EventStorePrefix})
	if err == nil {
		return fine("it lets us read and write"), nil
	}
	what := fmt.Sprintf("the EventStoreDB of WAYBILL_EVENTSTORE cannot be used: %v", config.Without(err))
	for _, c := range []struct {
		err  error
		mend string
	}{
		{domain.ErrUnavailable, "start it, or correct the addresses in WAYBILL_EVENTSTORE; " +
			"until a node answers, what needs the log says so (503)"},
		{eventstoredb.ErrCredentials, "correct user and password in WAYBILL_EVENTSTORE"},
		{eventstoredb.ErrCertificate, "name the authority of its certificate with tlsCaFile in WAYBILL_EVENTSTORE, " +
			"the host as the certificate has it, and see that it has not expired"},
		{eventstoredb.ErrPlain, "say tls=true or tls=false in WAYBILL_EVENTSTORE as the server does"},
		{eventstoredb.ErrNoEventStoreDB, "correct the addresses in WAYBILL_EVENTSTORE: it is the port for HTTP, 2113 as a rule"},
		{eventstoredb.ErrReading, "give the user of WAYBILL_EVENTSTORE the rights of docs/deploy/eventstoredb/users.sh"},
		{eventstoredb.ErrWriting, "give the user of WAYBILL_EVENTSTORE the rights of docs/deploy/eventstoredb/users.sh"},
	} {
		switch {
		case !errors.Is(err, c.err):
		case errors.Is(c.err, domain.ErrUnavailable):
			return []Finding{warn(what, c.mend)}, nil
		default:
			return []Finding{refuse(what, c.mend)}, nil
		}
	}
	return nil, err
}

func lookAtReplica(ctx context.Context, s *site) ([]Finding, error) {
	if s.Config.ReadDatabaseURL == "" || !s.Serves {
		return fine("none is needed"), nil
	}
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	const correct = "correct WAYBILL_READ_DATABASE_URL: " +
		"it names a streaming standby of DATABASE_URL's database, and a role that may log in there"
	err = runtime.ProbeReplica(ctx, s.Config.ReadDatabaseURL, db)
	switch {
	case err == nil:
		return fine("a standby of this database"), nil
	case runtime.Lasting(err):
		return []Finding{refuse(fmt.Sprintf("the read replica cannot be used: %v", config.Without(err)), correct)}, nil
	}
	return []Finding{warn(fmt.Sprintf("the read replica cannot be reached: %v", config.Without(err)),
		"start it; until it answers, queries fail, and the balancer leads past this node")}, nil
}

func lookAtImages(ctx context.Context, s *site) (found []Finding, err error) {
	const correct = "correct WAYBILL_MEDIA, or the rights of this program's user to it"
	if !s.Serves {
		return fine("not needed"), nil
	}
	if dir, ok := folder(s.Config.MediaURL); ok {
		const enterAndWrite = 0b011
		switch err := syscall.Access(dir, enterAndWrite); {
		case errors.Is(err, syscall.ENOENT):
			return lookAtMissing(ctx, s, dir)
		case err != nil:
			return []Finding{refuse(fmt.Sprintf("no image can be put into the folder %s: %v", dir, err), correct)}, nil
		}
	}
	files, err := filestore.OpenFiles(ctx, s.Config.MediaURL)
	if err != nil {
		return []Finding{refuse(err.Error(), correct)}, nil
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	belongs, settled, err := postgres.StoreOf(ctx, db)
	if err != nil {
		return nil, err
	}
	err = files.Check(ctx, belongs, settled)
	switch {
	case errors.Is(err, filestore.ErrOtherStore):
		return refusal(err), nil
	case err != nil:
		return []Finding{refuse(fmt.Sprintf("the store of images cannot be read: %v", config.Without(err)), correct)}, nil
	}
	return fine("%s", files.Place()), nil
}

// lookAtMissing: a folder that is not there is made for the first start of a database, and else is somewhere else, or not mounted.
func lookAtMissing(ctx context.Context, s *site, dir string) ([]Finding, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	id, settled, err := postgres.StoreOf(ctx, db)
	if err != nil {
		return nil, err
	}
	if settled {
		return []Finding{refuse(fmt.Sprintf("the folder %s is not there, and this database has images (store %s)", dir, id),
			"mount the folder that the other nodes use, or name it in WAYBILL_MEDIA; when the images were moved or are lost, "+
				`run "waybill media adopt"`)}, nil
	}
	return fine("the folder %s is made at the start", dir), nil
}

// folder is where images are when they are files.
func folder(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

// lookAtAddresses takes each address that was given, and lets go of it: before tables are changed for a node that could not serve.
func lookAtAddresses(ctx context.Context, s *site) (found []Finding, err error) {
	if !s.Serves {
		return fine("not needed"), nil
	}
	for _, a := range []struct {
		variable, address string
		given             bool // else another one is taken
	}{{"WAYBILL_ADDR", s.Config.Addr, s.Config.AddrGiven}, {"WAYBILL_ADMIN_ADDR", s.Config.AdminAddr, s.Config.AdminAddrGiven}} {
		if !a.given {
			continue
		}
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.address)
		if err == nil {
			err = listener.Close()
		}
		if err != nil {
			found = append(found, refuse(fmt.Sprintf("%s cannot be served on: %v", a.variable, err),
				"end what serves there, or name in "+a.variable+" an address of this machine and a port that this user may have"))
		}
	}
	if found == nil {
		return fine("they are free"), nil
	}
	return found, nil
}

// certificateSoon is how long before its end somebody is told of a certificate.
const certificateSoon = 14 * 24 * time.Hour

func lookAtCertificate(_ context.Context, s *site) ([]Finding, error) {
	if s.Config.TLSCert == "" || !s.Serves {
		return fine("none is configured"), nil
	}
	const renew = "put a valid one into the file; it is in use a second later"
	pair, err := tls.LoadX509KeyPair(s.Config.TLSCert, s.Config.TLSKey)
	if err != nil {
		return []Finding{refuse(fmt.Sprintf("WAYBILL_TLS_CERT and WAYBILL_TLS_KEY: %v", err),
			"name a certificate and its key, as PEM files that this user may read")}, nil
	}
	now := time.Now()
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return []Finding{warn("the certificate expired at "+stamp(leaf.NotAfter)+": clients refuse it", renew)}, nil
	case now.Before(leaf.NotBefore):
		return []Finding{warn("the certificate is valid from "+stamp(leaf.NotBefore)+" only, and here it is "+stamp(now),
			renew+", or set the clock")}, nil
	case now.Add(certificateSoon).After(leaf.NotAfter):
		return []Finding{warn("the certificate expires at "+stamp(leaf.NotAfter), renew)}, nil
	default:
		return fine("valid until %s", stamp(leaf.NotAfter)), nil
	}
}

// spareFiles is how many files a node may need beside the connections of those who follow the feed: of the database, of other requests,
// of images.
const spareFiles = 1024

// lookAtFiles: with fewer files than the feed may have readers, connections would be refused without a word.
func lookAtFiles(_ context.Context, s *site) ([]Finding, error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || !s.Serves {
		return fine("not needed"), nil //nolint:nilerr // there is no such limit then
	}
	need := uint64(s.Config.MaxReaders) + spareFiles //nolint:gosec // a positive number
	if files.Cur < need {
		return []Finding{warn("a process may open fewer files here ("+strconv.FormatUint(files.Cur, 10)+
			") than WAYBILL_FEED_READERS may need ("+strconv.FormatUint(need, 10)+")",
			"raise the limit (ulimit -n, LimitNOFILE), or lower WAYBILL_FEED_READERS")}, nil
	}
	return fine("up to %d", files.Cur), nil
}

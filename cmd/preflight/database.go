package preflight

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/adapters/postgres"
	"waybill/cmd/config"
)

// leastVersion is that of the oldest PostgreSQL that will do, as server_version_num has it.
const leastVersion = 150_000

var errUnreadable = errors.New("the connection string cannot be parsed") // the parser's message can repeat the password

// code is the SQLSTATE of an error of the server; empty for any other.
func code(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code
	}
	return ""
}

// lookAtDatabase connects, for itself and all that come after.
func lookAtDatabase(ctx context.Context, s *site) ([]Finding, error) {
	if err := s.connect(ctx); err != nil {
		return []Finding{refuse(fmt.Sprintf("the database cannot be reached: %v", config.Without(err)), cureOf(err))}, nil
	}
	return askVersion(ctx, s)
}

func askVersion(ctx context.Context, s *site) ([]Finding, error) {
	var version string
	var number int
	err := s.tx.QueryRow(ctx, `SELECT version(), current_setting('server_version_num')::int`).Scan(&version, &number)
	switch {
	case code(err) == "42883" || code(err) == "42704": // it speaks the protocol, and knows no such function or setting
	case err != nil:
		return []Finding{refuse(fmt.Sprintf("the database let us in, and does not answer: %v", config.Without(err)),
			"see its log for why")}, nil
	}
	if !strings.HasPrefix(version, "PostgreSQL ") {
		return []Finding{refuse("the database is no PostgreSQL, but "+short(version),
			"name a PostgreSQL 15 or later in DATABASE_URL")}, nil
	}
	if number < leastVersion {
		return []Finding{refuse("the database is of a version that will not do: "+short(version),
			"upgrade it to PostgreSQL 15 or later")}, nil
	}
	return fine("%s", short(version)), nil
}

// statementTimeout is the SQLSTATE of query_canceled.
const statementTimeout = "57014"

// cureOf says what to do about a session that was refused.
func cureOf(err error) string {
	switch state := code(err); {
	case strings.HasPrefix(state, "28"), state == "08P01" && strings.Contains(err.Error(), "authentication"): // a pooler's
		return "correct user and password in DATABASE_URL, or let them in (pg_hba.conf)"
	case state == "3D000":
		return "correct the database's name in DATABASE_URL, or make it (docs/deploy/postgres/roles.sql)"
	case state == noRight:
		return "GRANT CONNECT ON DATABASE to the role"
	case state == "53300":
		return "raise the limit that it names (max_connections, or CONNECTION LIMIT of the role or the database), " +
			"or lower WAYBILL_DB_MAX_CONNS on the nodes"
	case state == "55000":
		return "ALTER DATABASE … ALLOW_CONNECTIONS true; one that is invalid is what an interrupted DROP DATABASE left: " +
			"name another in DATABASE_URL, or restore it"
	case state == statementTimeout:
		return "ALTER ROLE or ALTER DATABASE … RESET statement_timeout, or raise it: it is too short even to begin a session"
	case state == "08P01" && strings.Contains(err.Error(), "max_client_conn"):
		return "raise max_client_conn of the pooler between"
	case state == "08P01" && strings.Contains(err.Error(), "no such "):
		return "correct user and database in DATABASE_URL, or name them to the pooler between (its [databases] and auth_file)"
	case state == "08P01":
		return "connect past the pooler between, or have it leave sessions to us (pool_mode = session)"
	case state == "57P03":
		return "wait until it has started"
	case strings.Contains(err.Error(), "x509: ") || strings.Contains(err.Error(), "tls: "):
		return "name the authority of its certificate in DATABASE_URL (sslrootcert), and the host as the certificate has it"
	case state != "":
		return "mend what it says, on the server; its log may say more"
	case strings.Contains(err.Error(), "refused TLS"):
		return "have the server speak TLS (ssl = on), or say another sslmode in DATABASE_URL, such as prefer"
	}
	return "start it, or correct host and port in DATABASE_URL"
}

// short is the beginning of a text of a server: its first words.
func short(text string) string {
	words := strings.Fields(text)
	return strings.TrimRight(strings.Join(words[:min(len(words), 2)], " "), ",")
}

func lookAtEncoding(ctx context.Context, s *site) ([]Finding, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	var name, encoding string
	err = db.QueryRow(ctx, `SELECT datname, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()`).
		Scan(&name, &encoding)
	if err != nil {
		return nil, err
	}
	if encoding != "UTF8" {
		return []Finding{refuse("the database "+name+" encodes text as "+encoding+", which cannot hold all that people type",
			"make one with ENCODING 'UTF8' TEMPLATE template0 (docs/deploy/postgres/roles.sql) and name it in DATABASE_URL")}, nil
	}
	return fine("UTF8"), nil
}

func lookAtPrimary(ctx context.Context, s *site) ([]Finding, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	var standby bool
	if err := db.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return nil, err
	}
	if standby {
		return []Finding{refuse("DATABASE_URL leads to a standby, which takes no writes",
			"name the primary in DATABASE_URL (target_session_attrs=primary finds it among several hosts), "+
				"and the standby in WAYBILL_READ_DATABASE_URL")}, nil
	}
	is, err := s.settings(ctx, readOnly)
	if err != nil {
		return nil, err
	}
	if is[readOnly].value == "on" {
		return []Finding{refuse("the database is set to be read only ("+readOnly+" = on)", s.reset(readOnly, is[readOnly].source))}, nil
	}
	return fine("it takes writes"), nil
}

const (
	readOnly  = "default_transaction_read_only"
	isolation = "default_transaction_isolation"
)

// lookAtDurability is about the server's side: each transaction that promises something states itself what its promise relies on.
func lookAtDurability(ctx context.Context, s *site) (found []Finding, err error) {
	const fsync, pages, commit, names = "fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names"
	is, err := s.settings(ctx, fsync, pages, commit, names)
	if err != nil {
		return nil, err
	}
	if is[fsync].value == "off" { // and then nothing else matters
		return []Finding{warn("the database's server does not wait for its disk (fsync = off): "+
			"in a crash of the machine, acknowledged decisions are lost and the whole database can be damaged",
			s.reset(fsync, is[fsync].source))}, nil
	}
	if is[pages].value == "off" {
		found = append(found, warn("the database's server cannot mend a page that a crash tore (full_page_writes = off)",
			s.reset(pages, is[pages].source)+", unless the file system never writes half a page"))
	}
	here := is[commit].value == "off" || is[commit].value == "local"
	switch {
	case here && is[names].value != "":
		found = append(found, warn("standbys are to confirm each commit ("+names+"), but commits that do not ask for it wait for this "+
			"server alone ("+commit+" = "+is[commit].value+")", s.reset(commit, is[commit].source)))
	case is[commit].value == "off":
		found = append(found, warn("commits do not wait for the disk unless they ask for it ("+commit+" = off): Waybill's decisions do, "+
			"what others write in this database does not", s.reset(commit, is[commit].source)))
	}
	if is[names].value != "" {
		away, err := s.noStandby(ctx)
		if err != nil {
			return nil, err
		}
		if away {
			found = append(found, warn("standbys are to confirm each commit ("+names+" = "+is[names].value+
				"), and none is connected: whatever writes waits until one is, without an error",
				"start the standbys, or ALTER SYSTEM SET "+names+" = '' and SELECT pg_reload_conf(), "+
					"which gives up that a decision is on two machines"))
		}
	}
	if found == nil {
		return fine("fsync and full_page_writes are on, synchronous_commit is %s", is[commit].value), nil
	}
	return found, nil
}

// noStandby reports whether no standby is connected that could confirm a commit. Who may not see what standbys are sees how many there are.
func (s *site) noStandby(ctx context.Context) (away bool, err error) {
	err = s.tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM pg_stat_replication WHERE coalesce(sync_state, '') <> 'async')`).Scan(&away)
	return away, err
}

func lookAtIsolation(ctx context.Context, s *site) ([]Finding, error) {
	is, err := s.settings(ctx, isolation)
	if err != nil {
		return nil, err
	}
	if level := is[isolation]; level.value != "read committed" {
		return []Finding{warn("transactions that do not say otherwise are "+level.value+" ("+isolation+"): Waybill's say so themselves, "+
			"those of other programs may fail where they wait for each other", s.reset(isolation, level.source))}, nil
	}
	return fine("read committed"), nil
}

// lookAtPooler also makes a session with all that Waybill's own have, which a pooler may refuse.
func lookAtPooler(ctx context.Context, s *site) ([]Finding, error) {
	if !s.reached {
		return nil, errNoSession
	}
	settings, err := pgx.ParseConfig(s.URL)
	if err != nil {
		return nil, errUnreadable
	}
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = connectTimeout
	}
	postgres.Configure(settings)
	err = postgres.SessionIsOurs(ctx, settings)
	if err == nil && s.Serves {
		const held = 1 // the session of the checks
		if err := postgres.PoolerHasRoom(ctx, settings, int(s.Config.MaxConns)+postgres.OwnSessions, held); err != nil {
			return refusal(err), nil
		}
	}
	switch {
	case errors.Is(err, postgres.ErrSharedSession):
		return refusal(err), nil
	case code(err) == statementTimeout:
		return []Finding{refuse(fmt.Sprintf("a session such as Waybill needs is refused: %v", config.Without(err)), cureOf(err))}, nil
	case code(err) != "":
		return []Finding{refuse(fmt.Sprintf("a session such as Waybill needs is refused: %v", config.Without(err)),
			"connect past the pooler, or have it pass on what it refuses")}, nil
	}
	return fine("sessions are our own"), err
}

func lookAtConnections(ctx context.Context, s *site) ([]Finding, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	var server, role, database int
	err = db.QueryRow(ctx, `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
		(SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
		(SELECT datconnlimit FROM pg_database WHERE datname = current_database())`).Scan(&server, &role, &database)
	if err != nil {
		return nil, err
	}
	most, whose := server, "the server (max_connections)"
	if role >= 0 && role < most {
		most, whose = role, "the role (ALTER ROLE … CONNECTION LIMIT)"
	}
	if database >= 0 && database < most {
		most, whose = database, "the database (ALTER DATABASE … CONNECTION LIMIT)"
	}
	if need := int(s.Config.MaxConns) + postgres.OwnSessions; most < need {
		return []Finding{warn("this node may need "+strconv.Itoa(need)+" connections (WAYBILL_DB_MAX_CONNS and "+
			strconv.Itoa(postgres.OwnSessions)+"), and "+whose+" allows "+strconv.Itoa(most)+" of all nodes",
			"raise that limit, or lower WAYBILL_DB_MAX_CONNS")}, nil
	}
	return fine("up to %d, of all nodes together", most), nil
}

// mostSkew is how far two clocks may be apart before somebody is told.
const mostSkew = 3 * time.Second

func lookAtClock(ctx context.Context, s *site) ([]Finding, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	before, ours := time.Now(), s.now()
	var theirs time.Time
	if err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		return nil, err
	}
	took := time.Since(before)
	ours = ours.Add(took / 2)
	skew := theirs.Sub(ours.Round(0)) // by the wall clocks
	if skew.Abs() > mostSkew+took/2 {
		return []Finding{warn(fmt.Sprintf("this machine's clock and the database's are %v apart: it is %s here and %s there",
			skew.Abs().Round(time.Second), stamp(ours), stamp(theirs)),
			"have both follow the same time servers (chrony, systemd-timesyncd)")}, nil
	}
	return fine("%v apart", skew.Abs().Round(time.Millisecond)), nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

package preflight

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// site is a node with what its checks share.
type site struct {
	Node
	session *pgx.Conn // nil when the database could not be reached
	tx      pgx.Tx    // in it, while a check is made
	reached bool      // it let us in, whatever came then
	now     func() time.Time
}

const (
	connectTimeout = 10 * time.Second
	closeTimeout   = time.Second
)

// connect opens a session such as any other program gets, with all that role, database and server say of settings: Waybill's own
// sessions set theirs. It holds no prepared statement, so that a pooler between does not matter to it.
func (s *site) connect(ctx context.Context) error {
	settings, err := pgx.ParseConfig(s.URL)
	if err != nil {
		return errUnreadable
	}
	settings.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	settings.StatementCacheCapacity, settings.DescriptionCacheCapacity = 0, 0
	for name, value := range map[string]string{ // the protocol needs the last two, and poolers pass all on
		"application_name": "waybill", "client_encoding": "UTF8", "standard_conforming_strings": "on",
	} {
		settings.RuntimeParams[name] = value
	}
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = connectTimeout
	}
	if s.session, err = pgx.ConnectConfig(ctx, settings); err != nil {
		return err
	}
	s.reached = true
	if err := s.begin(ctx); err != nil {
		s.close(ctx)
		s.session = nil
		return err
	}
	return nil
}

// begun is the transaction of a check, in which nothing can be changed and nothing is waited for. It lasts as long as a check does, which
// may be long where others are asked, and what it reads is as everywhere, whatever limits and formats others have.
const begun = `BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY NOT DEFERRABLE; SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'`

// begin opens the transaction of a check; in it, a pooler leaves the session to us.
func (s *site) begin(ctx context.Context) (err error) {
	if s.session == nil {
		return nil
	}
	s.tx, err = s.session.BeginTx(ctx, pgx.TxOptions{BeginQuery: begun})
	return err
}

func (s *site) end(ctx context.Context) {
	if s.tx != nil {
		_ = s.tx.Rollback(ctx) // there is nothing to lose
		s.tx = nil
	}
}

// db is where a check asks; errNoSession when there is no database to be asked.
func (s *site) db() (pgx.Tx, error) {
	if s.tx == nil {
		return nil, errNoSession
	}
	return s.tx, nil
}

func (s *site) close(ctx context.Context) {
	if s.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = s.session.Close(ctx) // it changed nothing
}

// setting is a value, with where it comes from.
type setting struct {
	value, source string
}

// settings reads some of the server's settings, as a session has them that sets none; those that the server does not know are left out.
func (s *site) settings(ctx context.Context, names ...string) (map[string]setting, error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, `SELECT name, setting, source FROM pg_settings WHERE name = ANY ($1)`, names)
	if err != nil {
		return nil, err
	}
	all := map[string]setting{}
	var name string
	var is setting
	_, err = pgx.ForEachRow(rows, []any{&name, &is.value, &is.source}, func() error {
		all[name] = is
		return nil
	})
	return all, err
}

// reset is how to take back a setting, by where it comes from.
func (s *site) reset(name, source string) string {
	settings := s.session.Config()
	role, database := pgx.Identifier{settings.User}.Sanitize(), pgx.Identifier{settings.Database}.Sanitize()
	switch source {
	case "user":
		return "run as an administrator: ALTER ROLE " + role + " RESET " + name
	case "database":
		return "run as an administrator: ALTER DATABASE " + database + " RESET " + name
	case "database user":
		return "run as an administrator: ALTER ROLE " + role + " IN DATABASE " + database + " RESET " + name
	case "client":
		return "take it out of DATABASE_URL and PGOPTIONS"
	}
	return "change it in the server's configuration, as with ALTER SYSTEM RESET " + name + " and a restart"
}

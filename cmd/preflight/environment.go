package preflight

import (
	"context"
	"net/url"
	"os"
	"regexp"
	"strings"
)

// fromOutside are variables with which PostgreSQL's own programs, and so the driver, fill in what a connection string leaves out, with the
// name that the setting has in one. Those about passwords, certificates and time-outs are usual, and are not told.
var fromOutside = []struct{ variable, setting string }{
	{"PGHOST", "host"},
	{"PGPORT", "port"},
	{"PGDATABASE", "dbname"},
	{"PGUSER", "user"},
	{"PGSERVICE", "service"},
	{"PGOPTIONS", "options"},
	{"PGTARGETSESSIONATTRS", "target_session_attrs"},
}

func lookAtEnvironment(_ context.Context, s *site) (found []Finding, err error) {
	if len(s.Config.Unknown) > 0 {
		found = append(found, warn("variables that this version of Waybill does not read are set: "+strings.Join(s.Config.Unknown, ", "),
			"correct their names by README.md's table, or leave them if a newer version reads them"))
	}
	if s.Config.DatabaseEmpty {
		found = append(found, warn("DATABASE_URL is set, but empty: an embedded PostgreSQL is used",
			"say where the database is, or unset it"))
	}
	var given []string
	for _, f := range fromOutside {
		if os.Getenv(f.variable) != "" && !says(s.Config.DatabaseURL, f.setting) {
			given = append(given, f.variable)
		}
	}
	switch {
	case len(given) > 0 && s.Config.DatabaseURL == "":
		found = append(found, warn(strings.Join(given, ", ")+" are set, but where the database is only DATABASE_URL says: "+
			"an embedded PostgreSQL is used",
			"set DATABASE_URL if it ought to be another, else unset them"))
	case len(given) > 0:
		found = append(found, warn("what DATABASE_URL leaves out is taken from "+strings.Join(given, ", "),
			"say it in DATABASE_URL, and unset them"))
	}
	if says(s.Config.DatabaseURL, "pool_max_conns") {
		found = append(found, warn("pool_max_conns in DATABASE_URL is not heeded", "set WAYBILL_DB_MAX_CONNS instead"))
	}
	if found == nil {
		return fine("all are known"), nil
	}
	return found, nil
}

// says reports whether a connection string, a URL or settings with blanks between, has a setting.
func says(text, setting string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return regexp.MustCompile(`(^|\s)` + setting + `\s*=`).MatchString(text)
	}
	if u.Query().Has(setting) {
		return true
	}
	switch setting {
	case "host":
		return u.Hostname() != "" || strings.Contains(u.Host, ",")
	case "port":
		return u.Port() != ""
	case "dbname":
		return strings.Trim(u.Path, "/") != "" || u.Query().Has("database")
	case "user":
		return u.User.Username() != ""
	}
	return false
}

package postgres

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CheckConnection names what a connection string, or the PG… variables beside it, say that Waybill does otherwise, with what to do
// about it. reading is for one that queries alone go to. It does not say whether the string can be parsed.
func CheckConnection(text string, reading bool) error {
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil //nolint:nilerr // said by whoever parses it; the parser's message can repeat the password
	}
	var mistakes []error
	refuse := func(name, why string) {
		if key, _, _ := strings.Cut(name, "="); !strings.Contains(strings.ToLower(text), strings.ToLower(key)) {
			name += " (which PGOPTIONS, or another PG… variable, adds)"
		}
		mistakes = append(mistakes, fmt.Errorf("one without %s: %s", name, why))
	}
	if config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		refuse("default_query_exec_mode="+strings.ReplaceAll(config.DefaultQueryExecMode.String(), " ", "_"), whyPrepared)
	}
	if config.StatementCacheCapacity < 1 {
		refuse("statement_cache_capacity="+fmt.Sprint(config.StatementCacheCapacity), whyPrepared)
	}
	if wrong := attributes(config, reading); wrong != "" {
		refuse("target_session_attrs="+wrong, "the session would be on a server of the other kind")
	}
	settings := maps.Clone(config.RuntimeParams)
	if _, ok := settings["pool_max_conns"]; ok {
		refuse("pool_max_conns", "WAYBILL_DB_MAX_CONNS says how many connections there are")
	}
	if options, ok := parseOptions(settings["options"]); ok {
		maps.Copy(settings, options)
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		switch key := strings.ToLower(name); {
		case key == "default_transaction_read_only" && !reading && !isOff(settings[name]):
			refuse(name, "Waybill writes")
		case overruled(key, settings[name]):
			refuse(name, "sessions have a value of Waybill's own, since results or promises depend on it")
		}
	}
	return errors.Join(mistakes...)
}

const whyPrepared = "statements are prepared ones, once for each session; that works behind a pooler too, with pool_mode = session"

func isOff(value string) bool {
	return slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(value))
}

// overruled reports whether a setting is one of sessionSettings, with another value.
func overruled(name, value string) bool {
	ours, ok := sessionSettings[name]
	switch {
	case !ok, strings.EqualFold(ours, value):
		return false
	case name == "synchronous_commit":
		return !strings.EqualFold(value, "remote_apply")
	case name == "client_encoding":
		return !strings.EqualFold(value, "UTF-8") && !strings.EqualFold(value, "unicode")
	}
	return true
}

// attributes is the value of target_session_attrs that does not go with what the connection is for; empty when there is none such.
func attributes(config *pgx.ConnConfig, reading bool) string {
	wrong := map[string]pgconn.ValidateConnectFunc{
		"read-only":      pgconn.ValidateConnectTargetSessionAttrsReadOnly,
		"standby":        pgconn.ValidateConnectTargetSessionAttrsStandby,
		"prefer-standby": pgconn.ValidateConnectTargetSessionAttrsPreferStandby,
	}
	if reading {
		wrong = map[string]pgconn.ValidateConnectFunc{
			"read-write": pgconn.ValidateConnectTargetSessionAttrsReadWrite,
			"primary":    pgconn.ValidateConnectTargetSessionAttrsPrimary,
		}
	}
	for value, f := range wrong {
		if config.ValidateConnect != nil && reflect.ValueOf(f).Pointer() == reflect.ValueOf(config.ValidateConnect).Pointer() {
			return value
		}
	}
	return ""
}

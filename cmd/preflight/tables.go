package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"waybill/adapters/postgres"
	"waybill/projections"
	"waybill/projections/runtime"
)

// Tables is how a database stands to the version of this binary.
type Tables = runtime.Prepared

// LookAtTables says what of the tables, of the log and of the read models, is there. It changes nothing.
func LookAtTables(ctx context.Context, db projections.Querier, models []projections.ReadModel) (Tables, error) {
	made, known, err := postgres.Version(ctx, db)
	if err != nil {
		return Tables{}, err
	}
	t, err := runtime.LookAtTables(ctx, db, models)
	switch {
	case made == 0:
		t.Lacks = append([]string{"the tables of log and tokens"}, t.Lacks...)
	case made < known:
		t.Lacks = append([]string{fmt.Sprintf("migrations %d to %d of log and tokens", made+1, known)}, t.Lacks...)
	case made > known:
		t.Newer = append([]string{fmt.Sprintf("migration %d of log and tokens", made)}, t.Newer...)
	}
	return t, err
}

// noRight is the SQLSTATE of insufficient_privilege.
const noRight = "42501"

// errBehind says that a database is not of this version, and what to do.
func errBehind(t Tables) error {
	if len(t.Newer) > 0 {
		return errors.New(some(t.Newer) + " in the database are of a newer version of Waybill, and it lacks " + some(t.Lacks) +
			": use the newer version's binary")
	}
	return errors.New("the database is not up to date with this version of Waybill: it lacks " + some(t.Lacks) +
		": run \"waybill migrate\", or start the server of this version")
}

// RequireTables returns an error, which says what to do, when a command cannot work on the tables as they are. It changes nothing.
func RequireTables(ctx context.Context, db projections.Querier, models []projections.ReadModel) error {
	t, err := LookAtTables(ctx, db, models)
	if code(err) == noRight {
		if cure, lookErr := postgres.MissingToWork(ctx, db, Schemas(models)); lookErr == nil && len(cure) > 0 {
			return fmt.Errorf("the database role lacks rights; run as an administrator: %s; (%w)", strings.Join(cure, "; "), err)
		}
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if len(t.Lacks) > 0 {
		return errBehind(t)
	}
	return nil
}

// some is the first of many names.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func lookAtVersions(ctx context.Context, s *site) (found []Finding, err error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	t, err := LookAtTables(ctx, db, s.Models)
	switch {
	case code(err) == noRight:
		return fine("not looked at: the role lacks rights"), nil
	case err != nil:
		return nil, err
	case len(t.Lacks) > 0 && !s.Migrates:
		return []Finding{refuse("the database is not up to date with this version, and the node is not to migrate it "+
			"(WAYBILL_MIGRATE=false): it lacks "+some(t.Lacks),
			"run \"waybill migrate\" of this version, as the role that owns the tables")}, nil
	case len(t.Newer) > 0:
		return []Finding{warn("a newer version of Waybill was here: "+some(t.Newer),
			"go on with the newer version, unless it is being taken back")}, nil
	case len(t.Lacks) > 0:
		return fine("to be made now: %s", some(t.Lacks)), nil
	}
	return fine("as this version makes them"), nil
}

// Schemas are those that Waybill makes.
func Schemas(models []projections.ReadModel) []string {
	all := append(slices.Clone(postgres.Schemas), "projections")
	for _, m := range models {
		all = append(all, m.Schema)
		if m.Views != nil {
			all = append(all, m.Views.Schema)
		}
	}
	return all
}

func lookAtRights(ctx context.Context, s *site) (found []Finding, err error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	var t Tables
	savepoint, err := db.Begin(ctx) // a right that is missing ends no more than this
	if err != nil {
		return nil, err
	}
	t, err = LookAtTables(ctx, savepoint, s.Models)
	if end := savepoint.Rollback(ctx); err == nil {
		err = end
	}
	if err != nil && code(err) != noRight {
		return nil, err
	}
	missing, mend := postgres.MissingToWork, "run as an administrator: "
	if len(t.Lacks) > 0 && s.Migrates {
		missing = postgres.MissingToMigrate
		owner, err := postgres.OwnerBeside(ctx, db)
		if err != nil {
			return nil, err
		}
		if owner != "" {
			mend = "run \"waybill migrate\" as the role that owns the tables, " + owner +
				" (and serve with WAYBILL_MIGRATE=false), or " + mend
		}
	}
	cure, err := missing(ctx, db, Schemas(s.Models))
	if err != nil {
		return nil, err
	}
	if len(cure) > 0 {
		return []Finding{refuse("the database role "+s.session.Config().User+" lacks rights",
			mend+strings.Join(cure, "; ")+";")}, nil
	}
	var super bool
	if err := db.QueryRow(ctx, `SELECT rolsuper FROM pg_roles WHERE rolname = current_user`).Scan(&super); err != nil {
		return nil, err
	}
	if super {
		return []Finding{warn("the database role is a superuser: whoever gets hold of it has the whole server",
			"docs/deploy/postgres/roles.sql makes one that owns its database and nothing else")}, nil
	}
	return fine("the role may do what it has to"), nil
}

func lookAtLeftovers(ctx context.Context, s *site) (found []Finding, err error) {
	db, err := s.db()
	if err != nil {
		return nil, err
	}
	left, err := runtime.Leftovers(ctx, db, s.Models)
	if err != nil || len(left) == 0 {
		return fine("none"), err
	}
	return []Finding{warn("rebuilds or verifications that were killed left these schemas behind, which take room: "+some(left),
		"run \"waybill prune\", which drops them; so does the next rebuild or verification of the same read model")}, nil
}

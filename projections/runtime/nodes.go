package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/projections"
)

const (
	// nodeBeat is how often a node says that it is there.
	nodeBeat = 5 * time.Second
	// nodeGone is how long a silent node counts as one that is there: it may have lost the database for a while.
	nodeGone = time.Minute
)

// presence is the row by which others know of this node.
type presence struct {
	pool        *pgxpool.Pool
	holder      string
	projections []string
}

// keep renews the row until ctx ends, and takes it away then.
func (p presence) keep(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(nodeBeat)
	defer ticker.Stop()
	for {
		if err := p.renew(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the node's presence could not be noted; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
			defer cancel()
			_, _ = p.pool.Exec(ending, `DELETE FROM projections.nodes WHERE holder = $1`, p.holder) // or it counts as gone by itself
			return
		case <-ticker.C:
		}
	}
}

func (p presence) renew(ctx context.Context) error {
	var batch pgx.Batch
	batch.Queue(`INSERT INTO projections.nodes (holder, projections) VALUES ($1, $2)
		ON CONFLICT (holder) DO UPDATE SET projections = $2, seen_at = clock_timestamp()`, p.holder, p.projections)
	batch.Queue(`DELETE FROM projections.nodes WHERE seen_at < clock_timestamp() - interval '1 day'`)
	return p.pool.SendBatch(ctx, &batch).Close()
}

// Pruned is an earlier version of a read model that Prune found.
type Pruned struct {
	Schema string
	// Node is one that serves it still, so that it was kept; empty when it was dropped.
	Node string
	// Views are the schema of views that are over it still, so that it was kept: the tables of the next version are not as far yet.
	Views string
	// Leftover says that it was no earlier version, but what a rebuild or a comparison had left behind.
	Leftover bool
}

// Prune drops the tables of earlier versions of the models, unless a node serves them. A node that was heard of within a
// minute counts; none may be starting with the earlier version meanwhile. It also drops what Leftovers lists.
func Prune(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel) ([]Pruned, error) {
	var all []Pruned
	err := withPrepareLock(ctx, pool, func(ctx context.Context) error {
		schemas, err := earlier(ctx, pool, models)
		if err == nil {
			err = mayDrop(ctx, pool, schemas)
		}
		if err != nil {
			return err
		}
		for _, schema := range schemas {
			p := Pruned{Schema: schema}
			// Nodes from before there was a presence have only their leases; one that ended less than nodeGone ago counts.
			err := pool.QueryRow(ctx, `SELECT coalesce(max(holder), '') FROM (
				SELECT holder FROM projections.nodes WHERE $1 = ANY (projections) AND seen_at > clock_timestamp() - $2::interval
				UNION ALL
				SELECT holder FROM projections.leases WHERE projection = $1 AND expires_at > clock_timestamp() - $2::interval) serving`,
				schema, nodeGone).Scan(&p.Node)
			if err == nil && p.Node == "" {
				p.Views, err = viewsOver(ctx, pool, models, schema)
			}
			if err == nil && p.Node == "" && p.Views == "" {
				err = drop(ctx, pool, schema)
			}
			if err != nil {
				return fmt.Errorf("prune %s: %w", schema, err)
			}
			all = append(all, p)
		}
		left, err := DropLeftovers(ctx, pool, models)
		for _, m := range models {
			if err == nil && m.Views != nil {
				var views []string
				views, err = dropRetired(ctx, pool, m.Views)
				left = append(left, views...)
			}
		}
		for _, schema := range left {
			all = append(all, Pruned{Schema: schema, Leftover: true})
		}
		if err != nil {
			return fmt.Errorf("prune: %w", err)
		}
		return nil
	})
	return all, err
}

// earlier lists the schemas of earlier versions of the models that are in the database.
func earlier(ctx context.Context, pool *pgxpool.Pool, models []projections.ReadModel) ([]string, error) {
	rows, err := pool.Query(ctx, `SELECT projection FROM projections.checkpoints ORDER BY projection`)
	if err != nil {
		return nil, err
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var schemas []string
	for _, schema := range there {
		for _, m := range models {
			if version, ok := versionOf(m.Name, schema); ok {
				if current, ok := versionOf(m.Name, m.Schema); ok && version < current {
					schemas = append(schemas, schema)
				}
			}
		}
	}
	return schemas, nil
}

// versionOf is the N of a model's schema "name_vN"; ok is false for any other.
func versionOf(name, schema string) (version int, ok bool) {
	number, ok := strings.CutPrefix(schema, name+"_v")
	if !ok {
		return 0, false
	}
	version, err := strconv.Atoi(number)
	return version, err == nil
}

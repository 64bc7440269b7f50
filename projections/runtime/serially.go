package runtime

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Serially has a session do nothing in parallel, whatever server, role and database say. What parallel workers share is in /dev/shm: a
// container has little of it, and a query, a migration or the last minute of a rebuild fails when it is used up.
func Serially(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0`)
	return err
}

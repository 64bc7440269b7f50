package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/media"
)

// collectLock is held by the node that collects.
const collectLock = 0x77617962_6d656469

// Alone runs do unless another node is at it; ran says whether it did. The lock is the transaction's, so it is free when the node is
// gone, and soon after it froze: then do's context ends, and what it returns is an error.
func (u *Uploads) Alone(ctx context.Context, do func(context.Context) error) (ran bool, err error) {
	err = pgx.BeginTxFunc(ctx, u.pool, pgx.TxOptions{BeginQuery: beginAtWork}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, int64(collectLock)).Scan(&ran); err != nil || !ran {
			return classify(ctx, err)
		}
		working, stop := context.WithCancel(ctx)
		defer stop()
		over, held := make(chan struct{}), make(chan error, 1)
		go func() { held <- hold(ctx, tx, over, stop) }()
		err := do(working)
		close(over)
		if lost := <-held; lost != nil && ctx.Err() == nil {
			return fmt.Errorf("the lock of collections was lost: %w", errors.Join(classify(ctx, lost), err))
		}
		return err
	})
	return ran, err
}

// beginAtWork begins a transaction that says often that its process is at work still (hold).
const (
	beginAtWork = beginDurable + `; set local idle_in_transaction_session_timeout = '15s'`
	holdEvery   = 3 * time.Second
	// holdPatience is how long the server may take to hear it.
	holdPatience = 10 * time.Second
)

// hold says that the process is at work until over is closed. When it cannot, it has the work stop.
func hold(ctx context.Context, tx pgx.Tx, over <-chan struct{}, stop func()) error {
	ticker := time.NewTicker(holdEvery)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return nil
		case <-ticker.C:
		}
		// It outlives ctx: cancelled, it would break the connection.
		saying, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdPatience)
		_, err := tx.Exec(saying, `select 1`)
		cancel()
		if err != nil {
			stop()
			return err
		}
	}
}

// Unused returns up to limit digests after one, in their order, that some account has uploaded, and that nobody has uploaded or used for
// so long. Whether anything refers to them is not the ledger's to say.
func (u *Uploads) Unused(ctx context.Context, age time.Duration, after string, limit int) ([]string, error) {
	rows, _ := u.pool.Query(ctx, `
		select distinct digest from media.uploads
		where greatest(uploaded_at, used_at) < now() - $1::interval and digest > $2 order by digest limit $3`, age, after, limit)
	digests, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("unused uploads: %w", classify(ctx, err))
	}
	return digests, nil
}

// RemoveUploads removes the rows of these digests that are still unused for so long, and not held by anybody now. A command that used one
// meanwhile keeps it, since the row is looked at again under its lock; one that comes after does not find it.
func (u *Uploads) RemoveUploads(ctx context.Context, age time.Duration, digests []string) (int, error) {
	done, err := execute(ctx, u.pool, `
		delete from media.uploads u using (
			select account_id, digest, purpose from media.uploads
			where digest = any ($2) and greatest(uploaded_at, used_at) < now() - $1::interval
			for update skip locked) old
		where (u.account_id, u.digest, u.purpose) = (old.account_id, old.digest, old.purpose)
			and greatest(u.uploaded_at, u.used_at) < now() - $1::interval`, age, digests)
	if err != nil {
		return 0, fmt.Errorf("remove uploads: %w", classify(ctx, err))
	}
	return int(done.RowsAffected()), nil
}

// RemoveBlobs removes, of up to limit digests after one, those that nobody has an upload of, and that nobody has stored or recorded
// for so long; keep, which is asked under their locks, names those that something refers to. The file of each goes by remove before
// its row does, so that a stop in between leaves a row without a file, which the next run takes. It returns how many went, and the
// last that was looked at; empty when there are no more.
func (u *Uploads) RemoveBlobs(ctx context.Context, age time.Duration, after string, limit int,
	keep func(context.Context, []string) (map[string]bool, error), remove func(context.Context, string) error,
) (removed int, last string, err error) {
	err = holding(ctx, u.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `
			select coalesce(max(digest), '')
			from (select digest from media.blobs where digest > $1 order by digest limit $2) looked`,
			after, limit).Scan(&last); err != nil || last == "" {
			return classify(ctx, err)
		}
		rows, _ := tx.Query(ctx, `
			select digest from media.blobs b
			where digest > $2 and digest <= $3 and touched_at < now() - $1::interval
				and not exists (select from media.uploads u where u.digest = b.digest and u.digest > $2 and u.digest <= $3)
			order by digest for update skip locked`, age, after, last)
		locked, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(locked) == 0 {
			return classify(ctx, err)
		}
		kept, err := keep(ctx, locked)
		if err != nil {
			return err
		}
		// A statement of its own sees the uploads that were committed before the locks were taken.
		rows, _ = tx.Query(ctx, `
			delete from media.blobs b where digest = any ($1) and not digest = any ($3) and touched_at < now() - $2::interval
				and not exists (select from media.uploads u where u.digest = b.digest) returning digest`, locked, age, keysOf(kept))
		gone, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return classify(ctx, err)
		}
		for _, digest := range gone {
			if err := remove(ctx, digest); err != nil {
				return err
			}
		}
		removed = len(gone)
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("remove images: %w", err)
	}
	return removed, last, nil
}

func keysOf(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k, in := range set {
		if in {
			keys = append(keys, k)
		}
	}
	return keys
}

// RemoveRequests forgets answers and quotas that are older.
func (u *Uploads) RemoveRequests(ctx context.Context, age time.Duration) error {
	return classify(ctx, afresh(func() error {
		var batch pgx.Batch
		batch.Queue(`delete from media.requests where answered_at < now() - $1::interval`, age)
		batch.Queue(`delete from media.quotas where day < (now() at time zone 'Asia/Shanghai')::date - 1`)
		return u.pool.SendBatch(ctx, &batch).Close()
	}))
}

// Known returns which of the digests have a row.
func (u *Uploads) Known(ctx context.Context, digests []string) (map[string]bool, error) {
	rows, _ := u.pool.Query(ctx, `select digest from media.blobs where digest = any ($1)`, digests)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("known images: %w", classify(ctx, err))
	}
	known := make(map[string]bool, len(found))
	for _, d := range found {
		known[d] = true
	}
	return known, nil
}

// Adopt records digests whose files were found without a row, as of long ago: what nothing refers to goes with the next collection.
func (u *Uploads) Adopt(ctx context.Context, digests []string) error {
	_, err := execute(ctx, u.pool, `
		insert into media.blobs (digest, touched_at) select unnest($1::text[]), 'epoch' on conflict do nothing`, digests)
	return classify(ctx, err)
}

// Totals counts what the ledger has.
func (u *Uploads) Totals(ctx context.Context) (digests, uploads int, bytes int64, err error) {
	err = u.pool.QueryRow(ctx, `select (select count(*) from media.blobs), count(*),
		coalesce((select sum(bytes) from (select max(bytes) as bytes from media.uploads group by digest) each), 0) from media.uploads`).
		Scan(&digests, &uploads, &bytes)
	return digests, uploads, bytes, classify(ctx, err)
}

// Row is one upload as the ledger has it.
type Row struct {
	Account    uuid.UUID
	Purpose    media.Purpose
	Image      media.Image
	UploadedAt time.Time
	UsedAt     time.Time
}

// List returns up to limit uploads, the newest first; of one account, or with the nil id of all.
func (u *Uploads) List(ctx context.Context, account uuid.UUID, limit int) ([]Row, error) {
	of, order, args := "", "", []any{limit}
	if account != uuid.Nil {
		// Named in the order, so that the planner does not walk along everybody's.
		of, order, args = ` where account_id >= $2 and account_id <= $2`, `account_id desc, `, append(args, account)
	}
	rows, _ := u.pool.Query(ctx, `
		select account_id, purpose, digest, format, width, height, bytes, uploaded_at, used_at from media.uploads`+of+`
		order by `+order+`uploaded_at desc, digest desc limit $1`, args...)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Row, error) {
		var r Row
		i := &r.Image
		err := row.Scan(&r.Account, &r.Purpose, &i.Digest, &i.Format, &i.Width, &i.Height, &i.Bytes, &r.UploadedAt, &r.UsedAt)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", classify(ctx, err))
	}
	return all, nil
}

// Settle calls check, of one node at a time, with the store of files that belongs to the database, which it makes up at first; it is
// settled once check has returned nil.
func (u *Uploads) Settle(ctx context.Context, check func(ctx context.Context, id uuid.UUID, settled bool) error) error {
	// By itself, so that whoever comes after a stop in the middle goes on with the same one.
	if _, err := execute(ctx, u.pool, `
		insert into media.store (id, since, settled) values ($1, now(), false) on conflict do nothing`, uuid.New()); err != nil {
		return fmt.Errorf("the store of images: %w", classify(ctx, err))
	}
	return holding(ctx, u.pool, func(tx pgx.Tx) error {
		var id uuid.UUID
		var settled bool
		if err := tx.QueryRow(ctx, `select id, settled from media.store for update`).Scan(&id, &settled); err != nil {
			return fmt.Errorf("the store of images: %w", classify(ctx, err))
		}
		if err := check(ctx, id, settled); err != nil || settled {
			return err
		}
		_, err := tx.Exec(ctx, `update media.store set settled = true`)
		return classify(ctx, err)
	})
}

// Replace makes another store of files the database's.
func (u *Uploads) Replace(ctx context.Context, id uuid.UUID) error {
	_, err := execute(ctx, u.pool, `insert into media.store (id, since, settled) values ($1, now(), true)
		on conflict (one) do update set id = $1, since = now(), settled = true`, id)
	return classify(ctx, err)
}

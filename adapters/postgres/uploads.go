package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/media"
)

// Uploads is the ledger of images: who has uploaded what, in schema media. All times are the database's.
//
// Locks are taken in this order: the row of a digest (blobs), then rows of uploads. Store holds the digest's row while the file is
// written, and RemoveBlobs while it is removed; that and RemoveUploads pass over what others hold, and never wait.
type Uploads struct{ pool *pgxpool.Pool }

// NewUploads uses a database that Migrate has prepared.
func NewUploads(pool *pgxpool.Pool) *Uploads { return &Uploads{pool: pool} }

// Replayed returns the answer to an earlier upload of the same request; nil when there is none. Its image is kept as long as one that
// was just uploaded. ErrKeyReused when that had another fingerprint.
func (u *Uploads) Replayed(ctx context.Context, request uuid.UUID, fingerprint string) (answer []byte, err error) {
	var was string
	err = queryRow(ctx, u.pool, []any{&was, &answer}, `
		with earlier as (select fingerprint, answer, account_id, digest, purpose from media.requests where id = $1),
		kept as (
			update media.uploads u set used_at = now() from earlier e
			where (u.account_id, u.digest, u.purpose) = (e.account_id, e.digest, e.purpose) returning u.digest)
		select fingerprint, answer from earlier where fingerprint <> $2 or exists (select from kept)`,
		request, fingerprint)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up an upload: %w", classify(ctx, err))
	case was != fingerprint:
		return nil, domain.ErrKeyReused
	}
	return answer, nil
}

// Admit counts one more image to the account's day, and reports whether the quota leaves room for it. A request that has been answered
// is not counted again.
func (u *Uploads) Admit(ctx context.Context, account uuid.UUID, day string, quota media.Quota, request uuid.UUID) (bool, error) {
	var admitted bool
	err := queryRow(ctx, u.pool, []any{&admitted}, `
		with answered as (select from media.requests where id = $5),
		counted as (
			insert into media.quotas as q (account_id, day, images, bytes) select $1, $2, 1, 0 where not exists (select from answered)
			on conflict (account_id, day) do update set images = q.images + 1 where ($3 = 0 or q.images < $3) and ($4 = 0 or q.bytes < $4)
			returning 1)
		select exists (select from answered) or exists (select from counted)`,
		account, day, quota.Images, quota.Bytes, request)
	if err != nil {
		return false, fmt.Errorf("quota: %w", classify(ctx, err))
	}
	return admitted, nil
}

// Charge adds bytes to the account's day.
func (u *Uploads) Charge(ctx context.Context, account uuid.UUID, day string, bytes int64) error {
	_, err := execute(ctx, u.pool, `update media.quotas set bytes = bytes + $3 where account_id = $1 and day = $2`, account, day, bytes)
	if err != nil {
		return fmt.Errorf("quota: %w", classify(ctx, err))
	}
	return nil
}

// Store records an upload, and has write put its file in place before: once Store has returned nil, both are there for good. When the
// request has been answered meanwhile, that answer is returned.
func (u *Uploads) Store(ctx context.Context, up media.Recorded, write func(context.Context) error) (earlier []byte, err error) {
	for {
		// The digest's row is there before its file is, so that no file is ever unknown.
		if _, err := execute(ctx, u.pool, `insert into media.blobs (digest, touched_at) values ($1, now())
			on conflict (digest) do update set touched_at = now()`, up.Image.Digest); err != nil {
			return nil, fmt.Errorf("record a digest: %w", classify(ctx, err))
		}
		earlier, err := u.store(ctx, up, write)
		if !errors.Is(err, errCollected) {
			return earlier, err
		}
	}
}

// errCollected says that the digest's row was removed before it was locked.
var errCollected = errors.New("the digest was collected")

func (u *Uploads) store(ctx context.Context, up media.Recorded, write func(context.Context) error) (earlier []byte, err error) {
	err = transact(ctx, u.pool, func(tx pgx.Tx) error {
		var there bool
		err := tx.QueryRow(ctx, `select true from media.blobs where digest = $1 for update`, up.Image.Digest).Scan(&there)
		if errors.Is(err, pgx.ErrNoRows) {
			return errCollected
		}
		if err != nil {
			return classify(ctx, err)
		}
		if err := write(ctx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into media.uploads (account_id, digest, purpose, format, width, height, bytes, uploaded_at, used_at)
			values ($1, $2, $3, $4, $5, $6, $7, now(), now())
			on conflict (account_id, digest, purpose) do update set uploaded_at = now(), used_at = now()`,
			up.Account, up.Image.Digest, up.Purpose, up.Image.Format, up.Image.Width, up.Image.Height, up.Image.Bytes)
		if err == nil && up.Request != uuid.Nil {
			earlier, err = answerOnce(ctx, tx, up)
		}
		if errors.Is(err, domain.ErrKeyReused) {
			return err
		}
		return classify(ctx, err)
	})
	if err != nil {
		return nil, fmt.Errorf("record an upload: %w", err)
	}
	return earlier, nil
}

// answerOnce keeps the answer to a request, or returns the one that is kept. A request that runs beside another of its id waits for it.
func answerOnce(ctx context.Context, tx pgx.Tx, up media.Recorded) ([]byte, error) {
	done, err := tx.Exec(ctx, `
		insert into media.requests (id, fingerprint, account_id, digest, purpose, answer, answered_at)
		values ($1, $2, $3, $4, $5, $6, now()) on conflict (id) do nothing`,
		up.Request, up.Fingerprint, up.Account, up.Image.Digest, up.Purpose, up.Answer)
	if err != nil || done.RowsAffected() == 1 {
		return nil, err
	}
	var was string
	var answer []byte
	err = tx.QueryRow(ctx, `select fingerprint, answer from media.requests where id = $1`, up.Request).Scan(&was, &answer)
	if err == nil && was != up.Fingerprint {
		return nil, domain.ErrKeyReused
	}
	return answer, err
}

// Use returns those of the references that the account has uploaded for their purposes, and keeps their images for another day.
func (u *Uploads) Use(ctx context.Context, account uuid.UUID, references []media.Reference) (media.Facts, error) {
	digests, purposes := make([]string, len(references)), make([]string, len(references))
	for i, r := range references {
		digests[i], purposes[i] = r.Digest, string(r.Purpose)
	}
	// In one order, so that no two commands wait for each other; whoever removes a row meanwhile has it first, and it is not returned.
	const use = `
		with mine as (
			select account_id, digest, purpose from media.uploads
			where account_id = $1 and (digest, purpose) in (select * from unnest($2::text[], $3::text[]))
			order by digest, purpose for update)
		update media.uploads u set used_at = now() from mine m
		where (u.account_id, u.digest, u.purpose) = (m.account_id, m.digest, m.purpose)
		returning u.purpose, u.digest, u.format, u.width, u.height, u.bytes`
	facts := media.Facts{}
	var purpose media.Purpose
	var i media.Image
	err := afresh(func() error {
		rows, _ := u.pool.Query(ctx, use, account, digests, purposes)
		_, err := pgx.ForEachRow(rows, []any{&purpose, &i.Digest, &i.Format, &i.Width, &i.Height, &i.Bytes}, func() error {
			facts[media.Reference{Purpose: purpose, Digest: i.Digest}] = i
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("uploaded images: %w", classify(ctx, err))
	}
	return facts, nil
}

// UploadedAt is when the account uploaded the digest last, for whatever purpose; domain.ErrNotFound when it has not.
func (u *Uploads) UploadedAt(ctx context.Context, account uuid.UUID, digest string) (time.Time, error) {
	var at *time.Time
	err := u.pool.QueryRow(ctx, `
		select max(uploaded_at) from media.uploads where account_id = $1 and digest = $2`, account, digest).Scan(&at)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("an account's upload: %w", classify(ctx, err))
	case at == nil:
		return time.Time{}, domain.ErrNotFound
	}
	return at.UTC(), nil
}

// Hold keeps a digest's file from being removed while do runs; it does not run, and held is false, when there is none to keep.
func (u *Uploads) Hold(ctx context.Context, digest string, do func(context.Context) error) (held bool, err error) {
	err = transact(ctx, u.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select true from media.blobs where digest = $1 for update`, digest).Scan(&held)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return classify(ctx, err)
		}
		return do(ctx)
	})
	return held, err
}

package media

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"gocloud.dev/gcerrors"
)

// Registry keeps which store belongs to a database; adapters/postgres has it.
type Registry interface {
	// Settle calls check, of one node at a time, with the store that belongs to the database, and notes that it is settled when check
	// returns nil. It is not settled while no node has seen it.
	Settle(ctx context.Context, check func(ctx context.Context, id uuid.UUID, settled bool) error) error
	// Replace makes another store the database's.
	Replace(ctx context.Context, id uuid.UUID) error
}

// ErrOtherStore says that the files are not those of the database.
var ErrOtherStore = errors.New("not the store of this database's images")

// Identity reads which store the files are; the nil id when nobody has said so yet.
func (f *Files) Identity(ctx context.Context) (uuid.UUID, error) {
	raw, err := f.bucket.ReadAll(ctx, identityKey)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("WAYBILL_MEDIA: read the identity in %s: %w", f.place, err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(raw)))
	if err != nil {
		return uuid.Nil, fmt.Errorf("WAYBILL_MEDIA: %s in %s is no identity: %w", identityKey, f.place, err)
	}
	return id, nil
}

// Claim checks that the files are those of the database: several nodes, and a node that was moved or restored, see the same images or do
// not start. Files and a database that belong to nobody yet are put together. ErrOtherStore says what to do.
func (f *Files) Claim(ctx context.Context, r Registry) error {
	return r.Settle(ctx, func(ctx context.Context, want uuid.UUID, settled bool) error {
		is, err := f.Identity(ctx)
		switch {
		case err != nil || is == want:
			return err
		case !settled && is == uuid.Nil:
			return f.mark(ctx, want)
		}
		return f.other(is, want, settled)
	})
}

// Check is Claim that changes nothing. want is the store that belongs to the database, the nil id while none does.
func (f *Files) Check(ctx context.Context, want uuid.UUID, settled bool) error {
	is, err := f.Identity(ctx)
	if err != nil || is == want || !settled && is == uuid.Nil {
		return err
	}
	return f.other(is, want, settled)
}

// other says whose files they are, which are not the database's.
func (f *Files) other(is, want uuid.UUID, settled bool) error {
	switch {
	case !settled:
		return fmt.Errorf("WAYBILL_MEDIA: %s holds the images of another database (store %s): name the folder or bucket of this one, "+
			"or, when the database was moved or made anew and this is its store, run \"waybill media adopt\": %w",
			f.place, is, ErrOtherStore)
	case is == uuid.Nil:
		return fmt.Errorf("WAYBILL_MEDIA: %s is not where this database's images are (store %s): a node on another machine must see "+
			"the same folder, or all use a bucket; when the images were moved or restored to here, run \"waybill media adopt\": %w",
			f.place, want, ErrOtherStore)
	}
	return fmt.Errorf("WAYBILL_MEDIA: %s is store %s, but this database's images are in store %s: mount the folder, or name the "+
		"bucket, that the other nodes use; \"waybill media adopt\" takes this one instead: %w", f.place, is, want, ErrOtherStore)
}

// Adopt makes these files the database's, whatever was before.
func (f *Files) Adopt(ctx context.Context, r Registry) error {
	id := uuid.New()
	if err := f.mark(ctx, id); err != nil {
		return err
	}
	return r.Replace(ctx, id)
}

func (f *Files) mark(ctx context.Context, id uuid.UUID) error {
	return f.put(ctx, identityKey, []byte(id.String()+"\n"))
}

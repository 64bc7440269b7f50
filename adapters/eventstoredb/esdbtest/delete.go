package esdbtest

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Delete hides a stream; the next append brings it back, with the revisions going on.
func (s service) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	o := req.GetOptions()
	p, err := s.remove(ctx, Delete, o.GetStreamIdentifier(), o.GetExpectedStreamRevision())
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{
		Position: &streams.DeleteResp_Position{CommitPosition: p, PreparePosition: p},
	}}, nil
}

// Tombstone ends a stream for good.
func (s service) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	o := req.GetOptions()
	p, err := s.remove(ctx, Tombstone, o.GetStreamIdentifier(), o.GetExpectedStreamRevision())
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{
		Position: &streams.TombstoneResp_Position{CommitPosition: p, PreparePosition: p},
	}}, nil
}

func (s service) remove(ctx context.Context, method Method, id *shared.StreamIdentifier, option any) (uint64, error) {
	name := string(id.GetStreamName())
	expected, ok := expectedOf(option)
	if !ok || name == "" {
		return 0, handlerFailed()
	}
	if err := s.allow(ctx, name, toDelete); err != nil {
		return 0, err
	}
	effect := s.faults.take(method)
	if err := effect.before(ctx, s.Server); err != nil {
		return 0, err
	}
	if err := s.lead(ctx); err != nil {
		return 0, err
	}
	out, err := s.log.delete(name, expected, method == Tombstone)
	if err != nil {
		return 0, s.storageFailed(err)
	}
	if err := effect.after(ctx, s.Server); err != nil {
		return 0, err
	}
	switch out.verdict {
	case streamDeleted:
		return 0, deletedStream(name)
	case wrongRevision:
		return 0, wrongExpectedVersion("Delete", name, expected, out.current)
	default:
		return unsigned(out.position), nil
	}
}

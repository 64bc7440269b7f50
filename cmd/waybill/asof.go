package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"waybill/domain"
	"waybill/projections/history"
)

// positionOf is the position that a text names: itself, or that before the first event later than a time, 0 when the log begins after
// it. No text is the newest: nil.
func (a *app) positionOf(ctx context.Context, text string) (*domain.Position, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // the newest is what was asked for
	}
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return new(domain.Position(n)), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, errors.New("it must be a position of the log, such as 1042, or a time such as 2026-11-26T09:00:00+08:00")
	}
	position, err := history.Queries{DB: a.pool}.PositionAt(ctx, at)
	return &position, err
}

// isInLog refuses a position that a flag names beyond the log's end.
func (a *app) isInLog(ctx context.Context, flag string, position domain.Position) error {
	head, err := a.commands.Head(ctx)
	if err == nil && position > head {
		err = fmt.Errorf("%s: the log ends at position %d", flag, head)
	}
	return err
}

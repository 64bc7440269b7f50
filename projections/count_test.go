package projections_test

import (
	"context"
	"testing"

	"waybill/projections"
	"waybill/projections/modeltest"
)

func TestListsAreCountedExactlyUpToALimit(t *testing.T) {
	pool := modeltest.Tables(t)
	for rows, want := range map[int]projections.Count{
		0: {}, 1: {N: 1}, projections.MaxCount - 1: {N: projections.MaxCount - 1}, projections.MaxCount: {N: projections.MaxCount},
		projections.MaxCount + 1: {N: projections.MaxCount, AtLeast: true}, 5 * projections.MaxCount: {N: projections.MaxCount, AtLeast: true},
	} {
		got, err := projections.CountRows(context.Background(), pool, `SELECT FROM generate_series(1, $1)`, rows)
		if err != nil || got != want {
			t.Errorf("%d rows: got %+v, %v; want %+v", rows, got, err, want)
		}
	}
}

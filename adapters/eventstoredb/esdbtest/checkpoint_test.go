package esdbtest

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Where checkpoints lie while nothing is found, to the byte: at the start of the page that was searched last, as a commit
// position without a prepare position, and none twice when the last page was full.
func TestPlacesOfCheckpoints(t *testing.T) {
	for noise, want := range map[int][]int{ // −1 is the marker the subscription starts after
		10: {-1, 3, 7},
		7:  {-1, 3},
		2:  {-1},
	} {
		s := Start(t)
		c := client(t, s.ConnectionString())
		marker := put(t, c, "marker", esdb.Any{}, event1("marker")).CommitPosition
		var at []uint64
		for range noise {
			at = append(at, put(t, c, "noise", esdb.Any{}, event1("noise")).CommitPosition)
		}
		req := allOptions([2]uint64{marker, marker})
		req.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_EventType{
				EventType: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: []string{"none"}},
			},
			Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: 4},
			CheckpointIntervalMultiplier: 1,
		}}
		call := subscribeRaw(t, s, req)
		var got, places []string
		for _, w := range want {
			if w < 0 {
				places = append(places, fmt.Sprint(marker, " ", marker))
			} else {
				places = append(places, fmt.Sprint(at[w], " 0"))
			}
		}
		for {
			m, err := call.Recv()
			fatal(t, err)
			if m.GetCaughtUp() != nil {
				break
			}
			if p := m.GetCheckpoint(); p != nil {
				got = append(got, fmt.Sprint(p.GetCommitPosition(), " ", p.GetPreparePosition()))
			}
		}
		equal(t, fmt.Sprint(noise, " events"), got, places)
	}
}

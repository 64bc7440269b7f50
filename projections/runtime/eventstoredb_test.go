package runtime

import (
	"testing"
)

// TestOnEventStoreDB runs the tests of the projectors again, on an EventStoreDB of which every few calls something goes
// wrong: the subscription is dropped or refused, the connection breaks, an append is written and not acknowledged.
func TestOnEventStoreDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for name, test := range map[string]func(*testing.T){
		"ProjectorFollowsTheLog":               TestProjectorFollowsTheLog,
		"RedeliveredEventsChangeNothing":       TestRedeliveredEventsChangeNothing,
		"OldEpochIsFencedOut":                  TestOldEpochIsFencedOut,
		"TwoNodes":                             TestTwoNodes,
		"ConnectionsAreCutUnderLoad":           TestConnectionsAreCutUnderLoad,
		"PoisonParksItsStreamOnly":             TestPoisonParksItsStreamOnly,
		"EventThatCannotBeDecodedIsPoison":     TestEventThatCannotBeDecodedIsPoison,
		"MissingTableParksNothing":             TestMissingTableParksNothing,
		"RebuildWhileWritingAndReading":        TestRebuildWhileWritingAndReading,
		"RebuildStartsAfreshAfterInterruption": TestRebuildStartsAfreshAfterAnInterruption,
		"RebuildReplacesDeadLetters":           TestRebuildReplacesDeadLetters,
		"CompareWhileWriting":                  TestCompareWhileWriting,
		"CompareCountsParkedStreams":           TestCompareCountsParkedStreams,
		"ReactionRetriesAndGivesUp":            TestReactionRetriesAndGivesUp,
		"RollingUpgrade":                       TestRollingUpgrade,
		"DeliveriesWaitForTheirObjectOnly":     TestDeliveriesWaitForTheirObjectOnly,
		"PubSub":                               TestPubSub,
	} {
		t.Run(name, test)
	}
}

package main

import (
	"context"
	"errors"

	"waybill/adapters/eventstoredb"
)

// interruption is the error of a command that was interrupted, in one line: what is there now, and how to go on.
type interruption struct{ advice string }

func (i interruption) Error() string { return "interrupted; " + i.advice }

// resumable is a command that says how to go on after an interruption.
type resumable interface{ resume() string }

// What is advised after an interruption: nothing was changed, or what was is complete; or nobody knows.
const (
	runAgain   = "nothing is left half done: run the same command again"
	lookBefore = "see whether it was done before you run it again"
)

// interrupted is err, or an interruption when the end of ctx is what came of the command: what its parts said when they were told to stop
// is no news to whoever stopped them. That a copy has spoilt its target is.
func interrupted(ctx context.Context, command any, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, eventstoredb.ErrOutOfOrder) {
		return err
	}
	if c, ok := command.(resumable); ok {
		return interruption{c.resume()}
	}
	return interruption{lookBefore}
}

func (rebuildCommand) resume() string {
	return "read models are as they were, or done: run the same command again"
}
func (verifyCommand) resume() string      { return runAgain }
func (pruneCommand) resume() string       { return runAgain }
func (migrateCommand) resume() string     { return runAgain }
func (exportCommand) resume() string      { return runAgain }
func (reportCommand) resume() string      { return runAgain }
func (replayCommand) resume() string      { return runAgain }
func (mediaVerifyCommand) resume() string { return runAgain }

func (copyCommand) resume() string {
	return "what is in the target is complete up to a point: run the same command again to go on from there"
}

func (c seedCommand) resume() string {
	if c.Products == nil {
		return "the log holds the beginning of the demo world: run the same command again"
	}
	return "the log holds a part of the large world and nothing else can be added: begin again with an empty one"
}

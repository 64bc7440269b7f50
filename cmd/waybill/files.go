package main

import (
	"context"
	"log/slog"
	"syscall"
)

// spareFiles is how many files a node may need beside the connections of those who follow the feed: of the database, of other requests,
// of images.
const spareFiles = 1024

// warnOfFewFiles says when a node may not open as many files as the feed may have readers: connections would be refused without a word.
func warnOfFewFiles(ctx context.Context, log *slog.Logger, readers int) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return
	}
	if need := uint64(readers) + spareFiles; files.Cur < need { //nolint:gosec // a positive number
		log.WarnContext(ctx, "a process may open fewer files here than WAYBILL_FEED_READERS may need (ulimit -n, LimitNOFILE)",
			"may", files.Cur, "needs", need)
	}
}

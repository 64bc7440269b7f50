package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"waybill/domain"
)

// asOf is a position as of which something is asked: the newest that is shown when nothing is said.
type asOf struct {
	text     string
	position domain.Position
	// time is what the position was resolved from; zero of a position that was named itself.
	time time.Time
}

// given reports whether something was said.
func (a asOf) given() bool { return a.text != "" }

// readAsOf reads the parameter as_of: a position, or a time, which is resolved to the position before the first event that is later,
// 0 when the log begins after it.
func (s *server) readAsOf(ctx context.Context, text string) (asOf, error) {
	of := asOf{text: text}
	if text == "" {
		return of, nil
	}
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		of.position = domain.Position(n)
		return of, nil
	}
	if !isInstant(text) {
		zh, en := "须为日志位置（如 1042）或 RFC 3339 时间", "must be a position of the log, such as 1042, or an RFC 3339 time"
		if strings.Contains(text, " ") && isInstant(strings.ReplaceAll(text, " ", "+")) {
			zh += "；网址中的加号须写作 %2B"
			en += "; in an address a plus is written %2B"
		}
		return of, wrongParameter("as_of", "bad_position", zh, en)
	}
	if err := of.time.UnmarshalText([]byte(text)); err != nil {
		return of, err
	}
	var err error
	of.position, err = s.history.PositionAt(ctx, of.time)
	return of, err
}

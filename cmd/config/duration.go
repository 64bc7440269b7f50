package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration is time.ParseDuration that knows days too: "30d", "1d12h". A day is 24 hours.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || strings.Trim(days, "+-.0123456789") != "" {
		return 0, errors.New(`want a duration, such as "30d", "36h" or "1d12h"`)
	}
	whole := n * float64(24*time.Hour)
	if math.Abs(whole) > float64(math.MaxInt64/2) {
		return 0, errors.New("so many days are no duration")
	}
	d := time.Duration(whole)
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || more > math.MaxInt64/2 {
		return 0, errors.New(`want a duration, such as "30d", "36h" or "1d12h"`)
	}
	if strings.HasPrefix(days, "-") {
		more = -more
	}
	return d + more, nil
}

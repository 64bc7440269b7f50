package workdays

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"waybill/domain"
)

// table is made by cmd/calendar.
//
//go:embed calendar.tsv
var table string

// Standard is the calendar as the table in the binary has it, without corrections.
func Standard() *Calendar { return standard() }

var standard = sync.OnceValue(func() *Calendar {
	c, err := parse(table)
	if err != nil {
		panic(fmt.Sprintf("calendar.tsv: %v", err)) // it is a part of the program, and a test reads it
	}
	return c
})

// parse reads the table: the edition with its first and last year, then runs of special days in their order.
func parse(table string) (*Calendar, error) {
	var edition string
	var first, end, last Day
	var special []Special
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.Split(line, "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case fields[0] == "edition" && len(fields) == 4 && edition == "":
			from, err := strconv.Atoi(fields[2])
			if err != nil {
				return nil, err
			}
			to, err := strconv.Atoi(fields[3])
			if err != nil {
				return nil, err
			}
			edition, first, end = fields[1], Date(from, time.January, 1), Date(to+1, time.January, 1)
			last = first - 1
		case len(fields) == 5 && (fields[2] == "rest" || fields[2] == "work"):
			from, err := ParseDay(fields[0])
			if err != nil {
				return nil, err
			}
			to, err := ParseDay(fields[1])
			if err != nil {
				return nil, err
			}
			if from <= last || to < from || to >= end {
				return nil, fmt.Errorf("%q is out of order", line)
			}
			for d := from; d <= to; d++ {
				special = append(special, Special{Day: d, Working: fields[2] == "work", Name: domain.Text{ZH: fields[3], EN: fields[4]}})
			}
			last = to
		default:
			return nil, fmt.Errorf("%q cannot be read", line)
		}
	}
	if edition == "" || first >= end {
		return nil, fmt.Errorf("no edition, or no years")
	}
	return newCalendar(edition, 0, first, end, special), nil
}

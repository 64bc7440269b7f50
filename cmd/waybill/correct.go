package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"waybill/cmd/config"
	"waybill/domain/workdays"
)

type calendarCorrectCommand struct {
	File   string `arg:"" help:"What changes, as JSON; - reads it from the standard input. 'docs/operating.md' has an example."`
	DryRun bool   `help:"Say what it would change, and change nothing."`
	by
}

// maxCorrection is more than the longest correction has, in bytes.
const maxCorrection = 1 << 20

// Run is called by kong.
func (c calendarCorrectCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	correction, err := c.read()
	if err != nil {
		return err
	}
	return withApp(ctx, cfg, func(a *app) error {
		req, err := c.request(ctx, a)
		if err != nil {
			return err
		}
		before, err := a.commands.Calendar(ctx)
		if err != nil {
			return err
		}
		var after *workdays.Calendar
		if c.DryRun {
			after, err = before.With(&correction)
		} else {
			corrected, failed := a.commands.CorrectCalendar(ctx, req, correction)
			after, err = corrected.State.Calendar(), failed
		}
		if err != nil {
			return err
		}
		return showCorrection(out, before, after, correction, c.DryRun)
	})
}

// read reads the correction, which has to be one JSON object of what is known.
func (c calendarCorrectCommand) read() (correction workdays.Correction, err error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return correction, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxCorrection+1))
	if err != nil {
		return correction, err
	}
	if len(raw) > maxCorrection {
		return correction, fmt.Errorf("%s is longer than any correction", c.File)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&correction); err != nil {
		return correction, fmt.Errorf("%s: %w", c.File, err)
	}
	if d.More() {
		return correction, fmt.Errorf("%s: %w", c.File, errMoreThanOne)
	}
	return correction, nil
}

var errMoreThanOne = errors.New("there is more than one correction")

// showCorrection prints each changed day with what it was and is.
func showCorrection(out io.Writer, before, after *workdays.Calendar, correction workdays.Correction, dry bool) error {
	days := newTable(out, "DAY", "WAS", "IS", "HOLIDAY")
	for _, d := range correction.Days {
		days.add(dayName(d.Day), workOrOff(before, d.Day), workOrOff(after, d.Day), d.Name.ZH+" "+d.Name.EN)
	}
	if err := days.flush(); err != nil {
		return err
	}
	first, last := after.Years()
	if dry {
		fmt.Fprintf(out, "it would make calendar %s, which knows %d to %d; nothing was changed\n", after.Version(), first, last)
		return nil
	}
	fmt.Fprintf(out, "calendar %s, which knows %d to %d; what awaits a decision is due by it from now on\n", after.Version(), first, last)
	return nil
}

func workOrOff(c *workdays.Calendar, d workdays.Day) string {
	if c.Working(d) {
		return "work"
	}
	return "off"
}

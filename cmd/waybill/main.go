// Command waybill is the backend of the logistics portal and the tools of those who run it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/events"
	"waybill/domain/workdays"

	"github.com/alecthomas/kong"
)

// cli is every subcommand on one screen.
type cli struct {
	Serve       serveCommand       `cmd:"" help:"Serve the API and run the projectors."`
	Migrate     migrateCommand     `cmd:"" help:"Create or upgrade the database's tables, then stop."`
	Seed        seedCommand        `cmd:"" help:"Fill an empty log: a small demo world, or a very large one."`
	Staff       staffCommand       `cmd:"" help:"Members of staff: reviewers, auditors, operators."`
	Account     accountCommand     `cmd:"" help:"Accounts, of enterprises and of staff."`
	Role        roleCommand        `cmd:"" help:"Roles of staff that accounts hold."`
	Provider    providerCommand    `cmd:"" help:"Providers: the limit of their pins."`
	Token       tokenCommand       `cmd:"" help:"Bearer tokens of an account."`
	Rebuild     rebuildCommand     `cmd:"" help:"Build a read model anew beside the live one, then switch."`
	Deadletters deadLettersCommand `cmd:"" help:"Events that a read model could not apply."`
	Prune       pruneCommand       `cmd:"" help:"Drop the tables of earlier versions of read models that no node serves any more."`
	Media       mediaCommand       `cmd:"" help:"Images: the uploads, what nobody needs, and whether they are whole."`
	Replay      replayCommand      `cmd:"" help:"Fold one stream up to a revision or a time and print what it was."`
	Export      exportCommand      `cmd:"" help:"Write what was searched for in the history to a file, or all of it, and record that."`
	Verify      verifyCommand      `cmd:"" help:"Fold the whole log from scratch and compare every read model with it."`
	Calendar    calendarCommand    `cmd:"" help:"Working days: the calendar, and when what was submitted is due."`
	Report      reportCommand      `cmd:"" help:"Print a report of reviews, offers or bookings: a table, a file or a chart."`
	Openapi     openapiCommand     `cmd:"" help:"Print the specification of the API, as it is served at /openapi.yaml."`
	Copy        copyCommand        `cmd:"" help:"Copy the whole log from one event store to another, and verify it event by event."`
}

func main() {
	if err := config.LimitMemory(); err != nil {
		fmt.Fprintln(os.Stderr, "waybill:", err)
	}
	ctx := untilSignalled(context.Background())
	if err := runIn(ctx, os.Args[1:], os.Getenv, heard{os.Stdout}, config.Names(os.Environ())...); err != nil {
		os.Exit(failed(ctx, err))
	}
}

// run is the whole program but for the names of all variables; tests call it too.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	return runIn(ctx, args, getenv, out)
}

// runIn is the whole program. set are the names of all variables that are set.
func runIn(ctx context.Context, args []string, getenv func(string) string, out io.Writer, set ...string) error {
	shown := &terminal{to: out}
	parser, err := newParser(ctx, getenv, shown)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return config.Without(err, args...) // it can repeat an argument
	}
	if err := refuseEmpty(command); err != nil {
		return err
	}
	cfg, err := config.Load(getenv, set...)
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	return shown.after(interrupted(ctx, command.Selected().Target.Interface(), command.Run(cfg)))
}

// refuseEmpty refuses a flag that is given without a value, as of a variable that is not set: what it was to narrow would be everything.
func refuseEmpty(command *kong.Context) error {
	for _, given := range command.Path {
		if given.Flag != nil && given.Flag.Target.Kind() == reflect.String && domain.CleanText(given.Flag.Target.String()) == "" {
			return fmt.Errorf("--%s is empty: give it a value, or leave it out", given.Flag.Name)
		}
	}
	return nil
}

func newParser(ctx context.Context, getenv func(string) string, out io.Writer) (*kong.Kong, error) {
	return kong.New(new(cli),
		kong.Name("waybill"),
		kong.Description("An event-sourced backend for a logistics portal. Configuration is by environment; see README.md."),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(out, (*io.Writer)(nil)),
		kong.Bind(getenv),
		kong.Vars{
			"read_models": modelNames(),
			"reports":     reportNames(),
			"kinds":       strings.Join(events.Categories, ","),
			"roles":       rolesOfActors(),
			"most":        strconv.Itoa(mostDays),
			"product":     strconv.Itoa(workdays.ForProduct),
			"application": strconv.Itoa(workdays.ForApplication),
		},
		kong.Writers(out, &terminal{to: os.Stderr}),
		kong.UsageOnError(),
	)
}

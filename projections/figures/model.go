package figures

import (
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/dues"
)

const (
	schema = "figures_v1"

	// The tables as queries reach them.
	tableFacts     = schema + ".facts"
	tableCells     = schema + ".cells"
	tableBooked    = schema + ".booked"
	tableStocks    = schema + ".stocks"
	tableStretches = schema + ".stretches"
	tableVersions  = schema + ".versions"
)

// stretchSize is how many facts a stretch of the log has at least: so many are read one by one at most, but for the last event's.
const stretchSize = 8192

// Model is what the reports count, as signed facts (decision 52): a figure as of a position is the sum of the facts up to it. What is far
// behind is summed up already, a stretch of the log at a time.
var Model = newModel(stretchSize)

func newModel(size int) projections.ReadModel {
	return projections.ReadModel{
		Name:   "figures",
		Schema: schema,
		Applies: projections.TypesOf(
			provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.ApprovalRevoked{},
			provider.Suspended{}, provider.Reinstated{}, provider.Closed{},
			product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.ApprovalRevoked{},
			product.Listed{}, product.Unlisted{}, product.TakenDown{}, product.Deleted{},
			booking.Requested{}, booking.Replied{}, booking.Closed{},
			calendar.Corrected{},
		),
		PassesOver: projections.TypesOf(
			provider.FirstApproved{}, provider.PinLimitSet{},
			product.Pinned{}, product.Unpinned{}, product.PlaceMatched{},
			booking.Read{},
			account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
			account.TokenIssued{}, account.TokenRevoked{},
			claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
			uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
			canned.Set{}, digest.Made{},
			operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
			audit.Opened{}, audit.Exported{},
			webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
		),
		DDL: ddl + dues.DDL,
		// What a correction of the calendar moves: it is in the index whether a fact began early enough.
		Indexes: `CREATE INDEX facts_until ON facts (until, least(since_revision, since_first)) WHERE until IS NOT NULL;`,
		Apply:   apply(size),
	}
}

const ddl = `
CREATE TABLE facts ( -- what is counted, at the position of the event that causes it; a correction takes it back, and counts anew
	position       bigint NOT NULL,
	seq            integer NOT NULL, -- among the event's
	day            integer NOT NULL, -- that it counts for, in Beijing, from 1970-01-01
	n              integer NOT NULL, -- below 0 it takes back
	a              integer, -- minutes: of a decision since the last revision, of a reply by the clock
	b              integer, -- minutes of working time: of a decision since the first submission, of a reply
	round          integer, -- of a decision
	late           boolean NOT NULL, -- of a decision
	measure        text COLLATE "C" NOT NULL, -- decision, stage, booking, daily; pending and public, whose sum up to a day is what there is
	kind           text COLLATE "C" NOT NULL, -- provider, product, booking; empty where it is clear
	what           text COLLATE "C" NOT NULL, -- the outcome, the stage, what happened; of public the mode
	who            uuid, -- the reviewer of a decision, the provider of a booking
	mode           text COLLATE "C", -- of a booking; empty where it is not known
	destination    text COLLATE "C", -- of a booking, and of public
	reasons        text[] COLLATE "C", -- of a rejection, each once
	since_revision timestamptz, -- what a is counted from, and with the next two only as it was counted first
	since_first    timestamptz,
	until          timestamptz, -- the decision or reply
	PRIMARY KEY (position, seq)
);
CREATE TABLE stretches ( -- of the log: each has so many facts; the last one is open
	stretch   integer PRIMARY KEY,
	behind    bigint NOT NULL, -- its facts are those after this position
	ends      bigint, -- and up to this one; null of the open one
	facts     integer NOT NULL,
	first_day integer NOT NULL, -- the earliest of its facts of pending and public
	through   integer NOT NULL -- the latest of those and of all before
);
CREATE TABLE cells ( -- the sums of the facts of each stretch but the open one
	measure text COLLATE "C" NOT NULL,
	label   text COLLATE "C" NOT NULL, -- what it is by: empty, reviewer, round, reason, mode, destination
	day     integer NOT NULL,
	stretch integer NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	what    text COLLATE "C" NOT NULL,
	key     text COLLATE "C" NOT NULL, -- of the label; of public, which is by nothing, the destination
	n       integer NOT NULL,
	late    integer NOT NULL,
	a_in    integer[], -- the values that were counted, and those that were taken back
	a_out   integer[],
	b_in    integer[],
	b_out   integer[],
	PRIMARY KEY (measure, label, day, stretch, kind, what, key)
);
CREATE TABLE booked ( -- the facts of bookings, by provider: few of a day have the same, and they are kept side by side
	day     integer NOT NULL,
	stretch integer NOT NULL,
	what    text COLLATE "C" NOT NULL,
	who     uuid[] NOT NULL, -- the provider of each fact, and its n
	n       integer[] NOT NULL,
	a       integer[], -- of replies
	b       integer[],
	PRIMARY KEY (day, stretch, what)
);
CREATE TABLE stocks ( -- what is pending and public at the end of a stretch, of all days
	stretch integer NOT NULL,
	measure text COLLATE "C" NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	what    text COLLATE "C" NOT NULL,
	key     text COLLATE "C" NOT NULL,
	n       integer NOT NULL,
	PRIMARY KEY (stretch, measure, kind, what, key)
);
CREATE TABLE subjects ( -- providers and products, for good
	id                 uuid PRIMARY KEY,
	kind               text COLLATE "C" NOT NULL,
	provider_id        uuid NOT NULL, -- of a provider itself
	cohort             integer NOT NULL, -- the day of its first submission
	stages             integer NOT NULL, -- those that it reached, a bit each
	latest             integer NOT NULL,
	live               integer NOT NULL, -- the revision that is approved; 0 is none
	pending            boolean NOT NULL, -- the latest awaits a decision
	rejections         integer NOT NULL, -- since the last approval
	round              integer NOT NULL, -- of the latest
	since_revision     timestamptz NOT NULL, -- the latest was submitted, or its approval revoked
	since_first        timestamptz, -- the first submission after the last approval; null when there is none since
	listed             boolean NOT NULL,
	deleted            boolean NOT NULL,
	standing           text COLLATE "C" NOT NULL, -- of a provider
	latest_mode        text COLLATE "C" NOT NULL,
	latest_destination text COLLATE "C" NOT NULL,
	mode               text COLLATE "C" NOT NULL, -- of the live revision
	destination        text COLLATE "C" NOT NULL
);
CREATE TABLE revisions ( -- of products, for the bookings of them
	product_id  uuid NOT NULL,
	revision    integer NOT NULL,
	mode        text COLLATE "C" NOT NULL,
	destination text COLLATE "C" NOT NULL,
	PRIMARY KEY (product_id, revision)
);
CREATE TABLE offers ( -- how many products are public while their provider is active
	provider_id uuid NOT NULL,
	destination text COLLATE "C" NOT NULL,
	mode        text COLLATE "C" NOT NULL,
	n           integer NOT NULL,
	PRIMARY KEY (provider_id, destination, mode)
);
CREATE TABLE bookings (
	id           uuid PRIMARY KEY,
	product_id   uuid NOT NULL,
	provider_id  uuid NOT NULL,
	mode         text COLLATE "C" NOT NULL,
	destination  text COLLATE "C" NOT NULL,
	requested_at timestamptz NOT NULL,
	replied      boolean NOT NULL,
	closed       boolean NOT NULL
);
CREATE TABLE versions ( -- of the calendar
	position bigint PRIMARY KEY, -- of the event that made it
	version  text COLLATE "C" NOT NULL
);`

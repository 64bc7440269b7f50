// Package listing is a read model: the public list and detail of products.
package listing

import (
	"context"

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

	"github.com/jackc/pgx/v5"
)

const (
	schema = "listing_v6"

	// The tables as queries reach them.
	tableProviders = schema + ".providers"
	tableProducts  = schema + ".products"
	tableDetails   = schema + ".product_details"
	tableTerms     = schema + ".product_terms"
	tableTags      = schema + ".product_tags"
	tableSample    = schema + ".product_sample"
	tableCells     = schema + ".map_cells"
	tableTagCounts = schema + ".tag_counts"
	tableGroups    = schema + ".product_groups"
)

// Model is the public list and detail of products (R29–R34, R45).
var Model = projections.ReadModel{
	Name:   "listing",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{}, provider.FirstApproved{}, provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
		product.ApprovalRevoked{},
	),
	PassesOver: projections.TypesOf(
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
-- What the public sees of a provider: its approved profile.
CREATE TABLE providers (
	id            uuid PRIMARY KEY,
	standing      text NOT NULL,
	live_revision integer NOT NULL,
	name          text NOT NULL,
	logo          text NOT NULL,
	introduction  text NOT NULL,
	revision      bigint NOT NULL
);

-- Content submitted and not approved yet, of providers and products, or approved no longer. It is never shown.
CREATE TABLE pending (
	subject  uuid PRIMARY KEY,
	revision integer NOT NULL,
	content  json NOT NULL
) WITH (toast_tuple_target = 8160);

-- Providers and products whose streams are parked: until they go on, nothing of them is public.
CREATE TABLE withheld (subject uuid PRIMARY KEY);

-- One row per product from its submission on; the content columns are those of the revision that was approved last.
CREATE TABLE products (
	id            uuid PRIMARY KEY,
	provider_id   uuid NOT NULL,
	created_at    timestamptz NOT NULL,
	revision      bigint NOT NULL,
	latitude      double precision NOT NULL DEFAULT 0,
	longitude     double precision NOT NULL DEFAULT 0,
	-- Where that is in WGS-84, and on the map (grid.go): the number of its cell at depth, column and row.
	wgs_latitude  double precision NOT NULL DEFAULT 0,
	wgs_longitude double precision NOT NULL DEFAULT 0,
	cell          bigint NOT NULL DEFAULT 0,
	x             integer NOT NULL DEFAULT 0,
	y             integer NOT NULL DEFAULT 0,
	live_revision integer NOT NULL, -- 0 when none is
	public        boolean NOT NULL,
	pinned        boolean NOT NULL,
	listed        boolean NOT NULL,
	-- What a walk along the list checks comes first: a column costs more the farther back it stands.
	mode          text COLLATE "C" NOT NULL DEFAULT '',
	country_key   text COLLATE "C" NOT NULL DEFAULT '',
	city_key      text COLLATE "C" NOT NULL DEFAULT '',
	text          text COLLATE "C" NOT NULL DEFAULT '',
	country       text NOT NULL DEFAULT '',
	city          text NOT NULL DEFAULT '',
	crs           text NOT NULL DEFAULT '',
	name          text NOT NULL DEFAULT '',
	brief         text NOT NULL DEFAULT '',
	cover         text NOT NULL DEFAULT '',
	tags          text[] NOT NULL DEFAULT '{}',
	tag_keys      text[] COLLATE "C" NOT NULL DEFAULT '{}', -- ascending
	group_key     uuid -- of product_groups
) WITH (fillfactor = 90);
CREATE INDEX products_provider ON products (provider_id, pinned, created_at, id);

-- Apart, so that more rows of what a page reads share a block.
CREATE TABLE product_details (
	id      uuid PRIMARY KEY,
	details text[] NOT NULL
);

-- The inverted index of approved products, and what orders its answers. It has none of the columns that change often
-- in an index, since a new version of a row is a new entry under each of its terms.
CREATE TABLE product_terms (
	id         uuid PRIMARY KEY,
	created_at timestamptz NOT NULL,
	public     boolean NOT NULL,
	pinned     boolean NOT NULL,
	sampled    boolean NOT NULL, -- one of 64 at random, to estimate from
	terms      integer[] NOT NULL
) WITH (fillfactor = 90, toast_tuple_target = 8160);
-- Nobody asks the planner how common a term is, and to know it takes it longer than everything else.
ALTER TABLE product_terms ALTER terms SET STATISTICS 0;

-- The tags of public products, in the order of the list.
CREATE TABLE product_tags (
	tag        text COLLATE "C" NOT NULL,
	pinned     boolean NOT NULL,
	created_at timestamptz NOT NULL,
	id         uuid NOT NULL,
	PRIMARY KEY (tag, pinned, created_at, id)
);

-- One of 64 public products at random, to estimate from: all that a filter looks at, in few blocks.
CREATE TABLE product_sample (
	id          uuid PRIMARY KEY,
	provider_id uuid NOT NULL,
	x           integer NOT NULL,
	y           integer NOT NULL,
	mode        text COLLATE "C" NOT NULL,
	country_key text COLLATE "C" NOT NULL,
	city_key    text COLLATE "C" NOT NULL,
	tag_keys    text[] COLLATE "C" NOT NULL,
	text        text COLLATE "C" NOT NULL
) WITH (toast_tuple_target = 8160);

-- How many public products there are: in each city (level 0), and in each cell of some levels of the map. The sums of their columns
-- and rows give their middle. No count is 0.
CREATE TABLE map_cells (
	level       smallint NOT NULL,
	cell        bigint NOT NULL,
	mode        text COLLATE "C" NOT NULL,
	country_key text COLLATE "C" NOT NULL,
	city_key    text COLLATE "C" NOT NULL, -- empty but at level 0
	n           bigint NOT NULL,
	x           bigint NOT NULL,
	y           bigint NOT NULL,
	PRIMARY KEY (level, cell, mode, country_key, city_key)
) WITH (fillfactor = 70);

-- How many public products have a tag. No count is 0.
CREATE TABLE tag_counts (
	tag  text COLLATE "C" NOT NULL,
	mode text COLLATE "C" NOT NULL,
	n    bigint NOT NULL,
	PRIMARY KEY (tag, mode)
) WITH (fillfactor = 70);

-- How many public products are alike in all that is counted. No count is 0.
CREATE TABLE product_groups (
	key         uuid PRIMARY KEY, -- a digest of what follows
	mode        text COLLATE "C" NOT NULL,
	country_key text COLLATE "C" NOT NULL,
	city_key    text COLLATE "C" NOT NULL,
	tag_keys    text[] COLLATE "C" NOT NULL,
	n           bigint NOT NULL
) WITH (fillfactor = 70);`,
	Indexes: `
CREATE INDEX products_order ON products (pinned, created_at, id) WHERE public;
CREATE INDEX products_mode ON products (mode, pinned, created_at, id) WHERE public;
CREATE INDEX products_country ON products (country_key, pinned, created_at, id) WHERE public;
CREATE INDEX products_city ON products (city_key, pinned, created_at, id) WHERE public;
CREATE INDEX products_cell ON products (cell) WHERE public;
CREATE INDEX product_groups_country ON product_groups (country_key);
CREATE INDEX product_groups_city ON product_groups (city_key);
CREATE INDEX product_terms_terms ON product_terms USING gin (terms) WITH (gin_pending_list_limit = 256);
CREATE INDEX product_terms_sample ON product_terms USING gin (terms) WITH (fastupdate = off) WHERE sampled;`,
	Apply:     apply,
	SetParked: setParked,
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	b := newBatchFold(events)
	if err := b.load(ctx, tx); err != nil {
		return err
	}
	for _, e := range events {
		if err := b.fold(e); err != nil {
			return err
		}
	}
	return b.write(ctx, tx)
}

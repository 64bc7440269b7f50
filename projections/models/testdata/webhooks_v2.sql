
CREATE TABLE hooks (
	id            uuid PRIMARY KEY,
	owner         uuid NOT NULL, -- the provider; the nil id of one that is told of all
	url           text NOT NULL,
	types         text[] COLLATE "C" NOT NULL, -- none is all
	label         text NOT NULL,
	standing      text COLLATE "C" NOT NULL,
	reason        text NOT NULL,
	position      bigint NOT NULL, -- of the registration
	registered_at timestamptz NOT NULL,
	rotated_at    timestamptz NOT NULL, -- since when the newest secret signs
	retires_at    timestamptz, -- until when others sign as well
	ended_at      timestamptz, -- when it was removed
	revision      bigint NOT NULL
);
CREATE TABLE owners (
	id        uuid PRIMARY KEY,
	suspended boolean NOT NULL DEFAULT false,
	closed    boolean NOT NULL DEFAULT false
);

CREATE INDEX hooks_order ON hooks (registered_at, id);
CREATE INDEX hooks_standing ON hooks (standing, registered_at, id);
CREATE INDEX hooks_owner ON hooks (standing, owner, registered_at, id);
CREATE INDEX hooks_told ON hooks (owner, id) WHERE standing <> 'removed';
CREATE INDEX hooks_held ON hooks (id) WHERE standing = 'paused';
CREATE INDEX owners_suspended ON owners (id) WHERE suspended;

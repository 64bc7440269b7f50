
CREATE TABLE items (
	position  bigint NOT NULL,
	audience  text COLLATE "C" NOT NULL, -- all, review, provider, enterprise
	owner     uuid NOT NULL, -- the provider or the enterprise; the nil id where it is nobody's own
	previous  bigint NOT NULL, -- of the one before in the scope; 0 of the first
	event_id  uuid NOT NULL,
	type      text COLLATE "C" NOT NULL,
	kind      text COLLATE "C" NOT NULL,
	object_id uuid NOT NULL,
	revision  bigint NOT NULL,
	at        timestamptz NOT NULL,
	data      json NOT NULL,
	PRIMARY KEY (position, audience, owner)
);
CREATE TABLE scopes (
	audience text COLLATE "C" NOT NULL,
	owner    uuid NOT NULL,
	last     bigint NOT NULL,
	PRIMARY KEY (audience, owner)
);
-- Whose a product or a booking is, and where the feed repeats what somebody said of it, which goes when it is deleted.
CREATE TABLE objects (
	id         uuid NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	provider   uuid NOT NULL,
	enterprise uuid NOT NULL,
	noted      bigint[] NOT NULL,
	PRIMARY KEY (id, kind)
);
-- Streams that stand still. Up to the position, everything is there.
CREATE TABLE parked (
	stream text COLLATE "C" PRIMARY KEY,
	until  bigint NOT NULL
);

CREATE INDEX items_scope ON items (audience, owner, position);

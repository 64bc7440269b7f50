
-- Providers and products from their submission on; the deleted stay, since the log still refers to their images.
CREATE TABLE objects (
	id       uuid PRIMARY KEY,
	owner    uuid NOT NULL, -- the provider, which is its account
	latest   integer NOT NULL, -- content revision
	live     integer NOT NULL, -- 0 when none is
	standing text NOT NULL, -- of a provider
	listed   boolean NOT NULL, -- of a product
	gone_at  timestamptz -- when it was deleted
);

-- One row for each image of each object in a role, whichever of its revisions named it.
CREATE TABLE uses (
	digest  text COLLATE "C" NOT NULL,
	object  uuid NOT NULL,
	role    text COLLATE "C" NOT NULL,
	owner   uuid NOT NULL,
	-- The content revisions that name it, in order.
	revisions integer[] NOT NULL,
	-- Whether the live revision does, and the object itself may be public: then its owner's standing decides.
	shown   boolean NOT NULL,
	gone_at timestamptz,
	PRIMARY KEY (object, digest, role) -- by which a batch loads them, in a rebuild too
);

-- Providers and products whose streams are parked: until they go on, nothing of them is public.
CREATE TABLE withheld (subject uuid PRIMARY KEY);

CREATE INDEX uses_digest ON uses (digest);
CREATE INDEX uses_owner ON uses (owner, digest);
CREATE INDEX uses_shown ON uses (digest, owner) WHERE shown;

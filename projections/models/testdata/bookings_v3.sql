
CREATE TABLE bookings (
	id               uuid PRIMARY KEY,
	product_id       uuid NOT NULL,
	product_revision integer NOT NULL,
	product_name     text NOT NULL,
	product_deleted  boolean NOT NULL,
	provider_id      uuid NOT NULL,
	enterprise_id    uuid NOT NULL,
	enterprise_name  text NOT NULL,
	inquiry          json NOT NULL,
	state            text COLLATE "C" NOT NULL,
	close_reason     text NOT NULL,
	replies          json NOT NULL,
	read_number      integer NOT NULL,
	read_at          timestamptz,
	requested_at     timestamptz NOT NULL,
	replied_at       timestamptz,
	closed_at        timestamptz,
	revision         bigint NOT NULL,
	provider_name    text NOT NULL,
	unread           boolean GENERATED ALWAYS AS (json_array_length(replies) > read_number) STORED
);
CREATE INDEX bookings_product ON bookings (product_id, requested_at, id);

-- A booking may come after its product's deletion.
CREATE TABLE deleted_products (id uuid PRIMARY KEY);

CREATE INDEX bookings_provider ON bookings (provider_id, requested_at, id);
CREATE INDEX bookings_provider_state ON bookings (provider_id, state, unread, requested_at, id);
CREATE INDEX bookings_provider_product ON bookings (provider_id, product_id, state, unread, requested_at, id);
CREATE INDEX bookings_enterprise ON bookings (enterprise_id, requested_at, id);
CREATE INDEX bookings_enterprise_state ON bookings (enterprise_id, state, unread, requested_at, id);
CREATE INDEX bookings_enterprise_product ON bookings (enterprise_id, product_id, state, unread, requested_at, id);

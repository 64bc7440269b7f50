-- Once, on the primary, as postgres: psql -v ON_ERROR_STOP=1 -f roles.sql, then \password waybill and \password replicator.
CREATE ROLE waybill LOGIN;
CREATE ROLE replicator LOGIN REPLICATION;
CREATE DATABASE waybill OWNER waybill ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
SELECT pg_create_physical_replication_slot('waybill_replica1', true);

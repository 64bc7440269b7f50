-- A role that reads the views of the schema reporting, and nothing else (docs/reporting.md). On the primary, as postgres, connected to
-- Waybill's database: psql -v ON_ERROR_STOP=1 -d waybill -f report.sql, then \password waybill_report. It may be run again, and long
-- after Waybill was started: a node that starts later gives the role its rights, as every rebuild does.
DO $$
DECLARE
	f regprocedure;
	owner name := (SELECT rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE datname = current_database());
	-- Those that Waybill works as: the owner, and a role that serves only. "waybill serve" names the statement for one that comes later.
	works text := (SELECT string_agg(quote_ident(rolname), ', ') FROM pg_roles WHERE rolname = owner OR NOT rolsuper AND rolname !~ '^pg_'
		AND EXISTS (SELECT FROM pg_namespace n WHERE nspname = 'eventstore' AND has_schema_privilege(pg_roles.oid, n.oid, 'USAGE')));
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'waybill_report') THEN
		CREATE ROLE waybill_report;
	END IF;
	-- What PostgreSQL lets everybody do: make temporary tables and functions, and in databases that began before PostgreSQL 15 lasting ones.
	EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC; GRANT CONNECT ON DATABASE %1$I TO waybill_report', current_database());
	IF to_regnamespace('public') IS NOT NULL THEN
		REVOKE CREATE ON SCHEMA public FROM PUBLIC;
	END IF;
	-- Write large objects and into the write-ahead log, and hold the advisory locks that keep Waybill's nodes out of each other's way.
	FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname ~ '^pg_(try_)?advisory_'
		OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_truncate', 'lo_truncate64', 'lo_unlink', 'lowrite',
			'pg_logical_emit_message'))
	LOOP
		EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %1$s TO %s', f, works);
	END LOOP;
END
$$;
-- Limits: the role cannot lift these two.
ALTER ROLE waybill_report LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT 5;
ALTER ROLE waybill_report SET temp_file_limit = '2GB';
-- Defaults: a session may set others. What it may read does not depend on them.
ALTER ROLE waybill_report SET default_transaction_read_only = on;
ALTER ROLE waybill_report SET statement_timeout = '5min';
ALTER ROLE waybill_report SET idle_in_transaction_session_timeout = '1min';
ALTER ROLE waybill_report SET lock_timeout = '10s';
ALTER ROLE waybill_report SET search_path = reporting;
ALTER ROLE waybill_report SET TimeZone = 'Asia/Shanghai';

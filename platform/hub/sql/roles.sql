-- The roles of a Luopan cluster. Run once by a superuser, before the first migration; safe to run again.
-- The embedded server runs it by itself; elsewhere: psql -f platform/hub/sql/roles.sql, then set the two passwords.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'luopan_owner') THEN
    CREATE ROLE luopan_owner LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS NOCREATEROLE;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'luopan_tenant') THEN
    CREATE ROLE luopan_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'luopan_platform') THEN
    CREATE ROLE luopan_platform NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'luopan_app') THEN
    CREATE ROLE luopan_app LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
END $$;
GRANT luopan_tenant, luopan_platform TO luopan_app;
-- Limits that hold for every connection of the application, whatever opens it.
ALTER ROLE luopan_app SET statement_timeout = '30s';
ALTER ROLE luopan_app SET lock_timeout = '5s';
ALTER ROLE luopan_app SET idle_in_transaction_session_timeout = '60s';

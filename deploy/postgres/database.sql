-- After platform/hub/sql/roles.sql, by a superuser: passwords, the role of the backups, the database. Safe to run again.
-- The passwords come from the environment: APP_PASSWORD, OWNER_PASSWORD, BACKUP_PASSWORD. psql 15 or newer.
\set ON_ERROR_STOP on
\getenv app APP_PASSWORD
\getenv owner OWNER_PASSWORD
\getenv backup BACKUP_PASSWORD
SET password_encryption = 'scram-sha-256';  -- pragma: allowlist secret
SELECT 'CREATE ROLE luopan_backup LOGIN REPLICATION NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'luopan_backup') \gexec
ALTER ROLE luopan_app PASSWORD :'app';
ALTER ROLE luopan_owner NOCREATEDB PASSWORD :'owner';
ALTER ROLE luopan_backup PASSWORD :'backup';
SELECT 'CREATE DATABASE luopan OWNER luopan_owner ENCODING UTF8 TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'luopan') \gexec
REVOKE ALL ON DATABASE luopan FROM PUBLIC;
GRANT CONNECT ON DATABASE luopan TO luopan_app;

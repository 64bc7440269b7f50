#!/bin/sh
# For docker-compose.yml: the image of PostgreSQL runs it when it makes a new volume. It makes the role that Waybill works with, which
# owns its database and may do nothing else, with the password in DATABASE_PASSWORD.
set -eu

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE waybill LOGIN PASSWORD :'password';
CREATE DATABASE waybill OWNER waybill ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
SQL

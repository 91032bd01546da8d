#!/bin/bash
# Run once by the database image: the owner of the tables, the role of the running portal, and the database.
set -euo pipefail

psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 \
    --set owner="$(cat /run/secrets/postgres_owner)" --set app="$(cat /run/secrets/postgres_app)" <<'SQL'
CREATE ROLE soc_owner LOGIN PASSWORD :'owner';
CREATE ROLE soc_app LOGIN PASSWORD :'app';
CREATE DATABASE soc OWNER soc_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE soc FROM PUBLIC;
GRANT CONNECT ON DATABASE soc TO soc_app;
SQL

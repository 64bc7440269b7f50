#!/bin/sh
# Takes a base backup of PostgreSQL and checks it. With the archived WAL it can be restored to any moment after it; by itself,
# to the moment it was finished. Run it on the replica or the primary, as a role with REPLICATION (PGHOST, PGUSER, PGPASSFILE).
#
#   backup.sh FOLDER [KEEP]        keeps the newest KEEP backups, 7 when not said
set -eu
umask 077

backups=${1:?folder for backups}
keep=${2:-7}

name=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$backups"
out=$backups/$name.partial
pg_basebackup --pgdata="$out" --format=plain --wal-method=stream --checkpoint=fast --no-password
pg_verifybackup --quiet "$out"
mv "$out" "$backups/$name"
echo "$backups/$name"

# The names sort by time.
find "$backups" -mindepth 1 -maxdepth 1 -type d -name '????????T??????Z' | sort -r | tail -n "+$((keep + 1))" | while read -r old; do
	rm -rf "$old"
done

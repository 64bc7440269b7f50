#!/bin/sh
# Takes a base backup of PostgreSQL and checks it. With the archived WAL it can be restored to any moment after it; by itself,
# to the moment it was finished. Run it on the replica or the primary, as a role with REPLICATION (PGHOST, PGUSER, PGPASSFILE).
#
#   backup.sh FOLDER [KEEP]        keeps the newest KEEP backups, 7 when not said
#
# What a run that failed left is removed, and an older backup only once a newer one was verified. PostgreSQL's programs are found
# where distributions put them, of the server's version; PGBIN names their folder when they are elsewhere.
set -eu
umask 077

fail() { printf '%s\n' "backup.sh: $*" >&2; exit 1; }

# programs MAJOR: the folder of that version's pg_basebackup, pg_verifybackup and pg_waldump. Few are in PATH on Debian.
programs() {
	onpath=$(command -v pg_verifybackup || true)
	for bin in "${PGBIN:-}" "${onpath%/*}" "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" "/usr/lib/postgresql$1/bin" \
		"/usr/libexec/postgresql$1" /usr/local/pgsql/bin "/opt/homebrew/opt/postgresql@$1/bin"; do
		if [ -n "$bin" ] && [ -x "$bin/pg_basebackup" ] && [ -x "$bin/pg_verifybackup" ] && [ -x "$bin/pg_waldump" ] &&
			"$bin/pg_verifybackup" --version 2>/dev/null | grep -Eq "[ )]$1([^0-9]|\$)"; then
			printf '%s\n' "$bin"
			return
		fi
	done
	fail "pg_basebackup, pg_verifybackup and pg_waldump of PostgreSQL $1 are not all on this machine: install its server's package" \
		"(Debian: postgresql-$1), or name their folder in PGBIN"
}

backups=${1:?folder for backups}
keep=${2:-7}
case $keep in
*[!0-9]* | 0*) fail "KEEP=$keep: want a number from 1" ;;
esac
case $backups in /*) ;; *) backups=$PWD/$backups ;; esac
mkdir -p "$backups"
# One run at a time: the lock goes with the process.
exec 9>> "$backups/.lock"
flock -n 9 || fail "another run is making a backup in $backups"
cd "$backups" # whoever starts this may stand in a folder that we cannot enter

psql=
for any in "${PGBIN:+$PGBIN/psql}" "$(command -v psql || true)" /usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql \
	/usr/lib/postgresql*/bin/psql /usr/local/pgsql/bin/psql; do
	[ -n "$psql" ] || [ ! -x "$any" ] || psql=$any
done
[ -n "$psql" ] || fail "psql is not on this machine (Debian: postgresql-client), nor in the folder that PGBIN names"
version=$("$psql" --no-psqlrc --no-password --quiet --tuples-only --no-align --command='SHOW server_version_num' \
	'dbname=replication replication=true') ||
	fail "the server cannot be asked for its version (above): is it up, and may this role replicate (PGHOST, PGUSER, PGPASSFILE)?"
bin=$(programs "$((version / 10000))")

for old in ????????T??????Z.partial; do
	[ -d "$old" ] || continue
	rm -rf "$old"
	printf '%s\n' "backup.sh: removed $backups/$old, which a run that failed had left" >&2
done

name=$(date -u +%Y%m%dT%H%M%SZ)
while [ -e "$name" ]; do # two runs in one second
	sleep 1
	name=$(date -u +%Y%m%dT%H%M%SZ)
done
out=$name.partial
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM HUP
"$bin/pg_basebackup" --pgdata="$out" --format=plain --wal-method=stream --checkpoint=fast --no-password ||
	fail "no backup was taken (above); those from before are still there"
(cd "$out" && "$bin/pg_verifybackup" --quiet .) || fail "the backup is not whole (above) and was removed; those from before are still there"
mv "$out" "$name"
sync -f . # that it has this name
printf '%s\n' "$backups/$name"

# The names sort by time.
find . -mindepth 1 -maxdepth 1 -type d -name '????????T??????Z' | sort -r | tail -n "+$((keep + 1))" | while read -r old; do
	rm -rf "$old"
done

#!/bin/sh
# Puts a base backup in the place of a stopped server's data and lets it replay the archived WAL when it starts.
#
#   restore.sh BACKUP PGDATA WAL [TIME]      as the server's user, or as root; PGDATA must be empty or missing
#
# TIME, as "2026-03-02 15:00:00+08", is where to stop; without it everything in the folder WAL is replayed. For root, OWNER is the
# server's user, or user:group; postgres:postgres when not set. PGBIN names the folder of PostgreSQL's programs when it is not found.
set -eu
umask 077

fail() { printf '%s\n' "restore.sh: $*" >&2; exit 1; }

# programs MAJOR: the folder of that version's pg_verifybackup and pg_waldump. Few are in PATH on Debian.
programs() {
	onpath=$(command -v pg_verifybackup || true)
	for bin in "${PGBIN:-}" "${onpath%/*}" "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" "/usr/lib/postgresql$1/bin" \
		"/usr/libexec/postgresql$1" /usr/local/pgsql/bin "/opt/homebrew/opt/postgresql@$1/bin"; do
		if [ -n "$bin" ] && [ -x "$bin/pg_verifybackup" ] && [ -x "$bin/pg_waldump" ] &&
			"$bin/pg_verifybackup" --version 2>/dev/null | grep -Eq "[ )]$1([^0-9]|\$)"; then
			printf '%s\n' "$bin"
			return
		fi
	done
	fail "pg_verifybackup and pg_waldump of PostgreSQL $1 are not both on this machine: install its server's package" \
		"(Debian: postgresql-$1), or name their folder in PGBIN"
}

# absolute FOLDER: so that no folder is taken for an option, and the server finds it from where it stands.
absolute() {
	case $1 in
	/*) printf %s "$1" ;;
	*) printf %s "$PWD/$1" ;;
	esac
}

backup=$(absolute "${1:?folder of one backup}")
data=$(absolute "${2:?folder of the data}")
wal=$(absolute "${3:?folder of the archived WAL}")
time=${4:-}
owner=${OWNER:-postgres:postgres}

case $backup in *.partial | *.partial/) fail "$backup was never finished" ;; esac
[ -f "$backup/PG_VERSION" ] || fail "$backup is no base backup of PostgreSQL"
[ -d "$wal" ] || fail "$wal is no folder: where is the archived WAL?"
case $wal in
*'
'*) fail "no line breaks in the name of a folder" ;;
esac
case $time in
*[!0-9:.+\ -]*) fail "$time: want a time such as 2026-03-02 15:00:00+08" ;;
esac
if [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then
	fail "$data is not empty: move it away, and keep it until the restored server works"
fi
bin=$(programs "$(cat "$backup/PG_VERSION")")
mkdir -p "$data"
if [ "$(id -u)" -eq 0 ]; then
	chown "$owner" "$data" || fail "OWNER=$owner: who is the server's user?"
fi
cd "$backup" # whoever starts this may stand in a folder that we cannot enter
"$bin/pg_verifybackup" --quiet . || fail "$backup is damaged (above): take another one"

# The folder was empty, and only one run makes this in it: what a failure leaves there is ours.
mkdir "$data/restoring" || fail "another run is restoring to $data"
trap 'cd "$data" && find . -mindepth 1 -delete && printf '%s\n' "restore.sh: $data is empty again" >&2' EXIT
trap 'exit 1' INT TERM HUP
cp -R --preserve=timestamps . "$data/" || fail "the backup could not be copied (above)"
chmod 700 "$data"
rm -f "$data/standby.signal" "$data/postmaster.pid" # a backup of a replica
# The folder's name goes through the shell, then through PostgreSQL's own % and its file of settings.
quoted=$(printf %s "$wal" | sed "s/'/'\\\\''/g; s/%/%%/g; s/\\\\/\\\\\\\\/g; s/'/''/g")
{
	printf '%s\n' "restore_command = 'cp ''$quoted''/%f %p'"
	echo "recovery_target_action = 'promote'"
	# What an earlier restore, or the standby's own file, said of where to stop is not said again.
	for target in '' _lsn _name _xid; do
		echo "recovery_target$target = ''"
	done
	echo "recovery_target_time = '$time'"
} >> "$data/postgresql.auto.conf"
: > "$data/recovery.signal"
if [ "$(id -u)" -eq 0 ]; then
	chown -R "$owner" "$data"
fi
rmdir "$data/restoring"
sync -f "$data"
trap - EXIT
echo "restored; start the server, and take these lines out of postgresql.auto.conf once it takes writes"

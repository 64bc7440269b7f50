#!/bin/sh
# Puts a base backup in the place of a stopped server's data and lets it replay the archived WAL when it starts.
#
#   restore.sh BACKUP PGDATA WAL [TIME]      as the server's user; PGDATA must be empty or missing
#
# TIME, as "2026-03-02 15:00:00+08", is where to stop; without it everything in the folder WAL is replayed.
set -eu
umask 077

backup=${1:?folder of one backup}
data=${2:?folder of the data}
wal=${3:?folder of the archived WAL}
time=${4:-}

if [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then
	echo "$data is not empty: move it away, and keep it until the restored server works" >&2
	exit 1
fi
case $wal$time in
*\'*) echo "no quotation marks in the folder or the time" >&2; exit 2 ;;
esac
pg_verifybackup --quiet "$backup"
mkdir -p "$data"
cp -R --preserve=timestamps "$backup/." "$data/"
chmod 700 "$data"
rm -f "$data/standby.signal" # a backup of a replica
{
	echo "restore_command = 'cp $wal/%f %p'"
	echo "recovery_target_action = 'promote'"
	if [ -n "$time" ]; then
		echo "recovery_target_time = '$time'"
	fi
} >> "$data/postgresql.auto.conf"
: > "$data/recovery.signal"
echo "restored; start the server, and take these lines out of postgresql.auto.conf once it takes writes"

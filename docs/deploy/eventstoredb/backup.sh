#!/bin/sh
# Copies the files of one running node of EventStoreDB, in the order that makes the copy whole: what says how far the index
# is before the index, what says how far the log is before the log. Run it on a follower, as the server's user.
#
#   backup.sh DATA INDEX FOLDER          e.g. backup.sh /var/lib/eventstore/data /var/lib/eventstore/index /backup/esdb
#
# Makes FOLDER/<time> with data/, index/ and SHA256SUMS; an unfinished one is called <time>.partial, and removed by the next run if not
# by its own. No scavenge may run meanwhile. KurrentDB 25.1 and later with secondary indexes on: take a snapshot of the volume instead.
set -eu
umask 077

fail() { printf '%s\n' "backup.sh: $*" >&2; exit 1; }

# absolute FOLDER: so that no folder is taken for an option.
absolute() {
	case $1 in
	/*) printf %s "$1" ;;
	*) printf %s "$PWD/$1" ;;
	esac
}

data=$(absolute "${1:?folder of the data}")
index=$(absolute "${2:?folder of the index}")
backups=$(absolute "${3:?folder for backups}")

for must in "$data/chaser.chk" "$data/writer.chk"; do
	[ -f "$must" ] || fail "$must is missing: is $data the folder of the data?"
done
[ -d "$index" ] || fail "$index is no folder: where is the index?"
case $(cd "$index" && pwd -P)/ in
"$(cd "$data" && pwd -P)"/*) fail "the index lies inside the data: give each a folder of its own" ;;
esac
mkdir -p "$backups"
# One run at a time: the lock goes with the process.
exec 9>> "$backups/.lock"
flock -n 9 || fail "another run is making a backup in $backups"
cd "$backups" # whoever starts this may stand in a folder that we cannot enter

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
out=$backups/$name.partial
mkdir "$out"
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM HUP

# copy FROM TO [conditions for find]: the files below FROM that fit, with their folders.
copy() {
	from=$1 to=$2
	shift 2
	mkdir -p "$to"
	(cd "$from" && find . -type f "$@" -exec cp --parents --preserve=timestamps -t "$to" {} +)
}

# 1, 2: the index; it may be merging, which renames and removes files. Then the copy begins again.
try=0
while :; do
	rm -rf "$out/index"
	if copy "$index" "$out/index" -name '*.chk' && copy "$index" "$out/index" ! -name '*.chk' &&
		{ [ ! -e "$index/indexmap" ] || cmp -s "$index/indexmap" "$out/index/indexmap"; }; then
		break
	fi
	try=$((try + 1))
	[ "$try" -lt 5 ] || fail "the index could not be copied (above), or kept changing: then take the backup at a calmer time"
	sleep 1
done

# 3, 4: the log. Chunks are only appended to, so those copied later hold at least what the checkpoints say.
copy "$data" "$out/data" -maxdepth 1 -name '*.chk' || fail "the checkpoints were not copied (above)"
copy "$data" "$out/data" -maxdepth 1 -name 'chunk-*' || fail "the log was not copied (above)"
set -- "$out"/data/chunk-*
[ -e "$1" ] || fail "no chunk in $data"

(cd "$out" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + > SHA256SUMS) || fail "the copy cannot be read back (above)"
sync
mv "$out" "$name"
sync -f . # that it has this name
printf '%s\n' "$backups/$name"

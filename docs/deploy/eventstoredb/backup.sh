#!/bin/sh
# Copies the files of one running node of EventStoreDB, in the order that makes the copy whole: what says how far the index
# is before the index, what says how far the log is before the log. Run it on a follower, as the server's user.
#
#   backup.sh DATA INDEX FOLDER          e.g. backup.sh /var/lib/eventstore/data /var/lib/eventstore/index /backup/esdb
#
# Makes FOLDER/<time> with data/, index/ and SHA256SUMS; an unfinished one is called <time>.partial. No scavenge may run
# meanwhile. KurrentDB 25.1 and later with secondary indexes on: take a snapshot of the volume instead.
set -eu
umask 077

data=${1:?folder of the data}
index=${2:?folder of the index}
backups=${3:?folder for backups}

for must in "$data/chaser.chk" "$data/writer.chk"; do
	[ -f "$must" ] || { echo "$must is missing: is $data the folder of the data?" >&2; exit 1; }
done
name=$(date -u +%Y%m%dT%H%M%SZ)
out=$backups/$name.partial
mkdir -p "$backups"
mkdir "$out"

# copy FROM TO [conditions for find]: the files below FROM that fit, with their folders.
copy() {
	from=$1 to=$2
	shift 2
	mkdir -p "$to"
	to=$(cd "$to" && pwd)
	(cd "$from" && find . -type f "$@" -exec cp --parents --preserve=timestamps -t "$to" {} +)
}

# 1, 2: the index; it may be merging, which renames and removes files. Then the copy begins again.
try=0
if [ -d "$index" ]; then
	while :; do
		rm -rf "$out/index"
		if copy "$index" "$out/index" -name '*.chk' && copy "$index" "$out/index" ! -name '*.chk' &&
			{ [ ! -e "$index/indexmap" ] || cmp -s "$index/indexmap" "$out/index/indexmap"; }; then
			break
		fi
		try=$((try + 1))
		[ "$try" -lt 5 ] || { echo "the index kept changing: take the backup at a calmer time" >&2; exit 1; }
		sleep 1
	done
fi

# 3, 4: the log. Chunks are only appended to, so those copied later hold at least what the checkpoints say.
case $(cd "$index" 2>/dev/null && pwd) in
"$(cd "$data" && pwd)"/*) echo "the index lies inside the data: give each a folder of its own" >&2; exit 1 ;;
esac
copy "$data" "$out/data" -maxdepth 1 -name '*.chk'
copy "$data" "$out/data" -maxdepth 1 -name 'chunk-*'
set -- "$out"/data/chunk-*
[ -e "$1" ] || { echo "no chunk in $data" >&2; exit 1; }

(cd "$out" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + > SHA256SUMS)
sync
mv "$out" "$backups/$name"
echo "$backups/$name"

#!/bin/sh
# Puts a backup made by backup.sh in the place of a stopped node's files. All nodes of a new cluster may be restored from
# the same backup; never mix files of two.
#
#   restore.sh BACKUP DATA INDEX         as root; both folders must be empty or missing
#
# OWNER is the server's user, or user:group; eventstore:eventstore when not set.
set -eu

backup=${1:?folder of one backup}
data=${2:?folder of the data}
index=${3:?folder of the index}
owner=${OWNER:-eventstore:eventstore}

case $backup in
*.partial | *.partial/) echo "$backup was never finished" >&2; exit 1 ;;
esac
for folder in "$data" "$index"; do
	if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
		echo "$folder is not empty: move it away, and keep it until the restored node works" >&2
		exit 1
	fi
done
(cd "$backup" && sha256sum --check --quiet SHA256SUMS)

mkdir -p "$data" "$index"
cp -R --preserve=timestamps "$backup/data/." "$data/"
if [ -d "$backup/index" ]; then
	cp -R --preserve=timestamps "$backup/index/." "$index/"
fi
# What the chunks hold beyond the checkpoint may be half a write: the server cuts there when it starts.
cp "$data/chaser.chk" "$data/truncate.chk"
chown -R "$owner" "$data" "$index"
echo "restored; start the node"

#!/bin/sh
# Puts a backup made by backup.sh in the place of a stopped node's files. All nodes of a new cluster may be restored from
# the same backup; never mix files of two.
#
#   restore.sh BACKUP DATA INDEX         as root, or as the server's user; both folders must be empty or missing
#
# OWNER is the server's user, or user:group; for root eventstore:eventstore when not set.
set -eu
umask 077

fail() { printf '%s\n' "restore.sh: $*" >&2; exit 1; }

# absolute FOLDER: so that no folder is taken for an option.
absolute() {
	case $1 in
	/*) printf %s "$1" ;;
	*) printf %s "$PWD/$1" ;;
	esac
}

backup=$(absolute "${1:?folder of one backup}")
data=$(absolute "${2:?folder of the data}")
index=$(absolute "${3:?folder of the index}")
owner=${OWNER:-}
if [ -z "$owner" ] && [ "$(id -u)" -eq 0 ]; then
	owner=eventstore:eventstore
fi

case $backup in
*.partial | *.partial/) fail "$backup was never finished" ;;
esac
[ -f "$backup/SHA256SUMS" ] && [ -f "$backup/data/chaser.chk" ] || fail "$backup is no backup of backup.sh"
for folder in "$data" "$index"; do
	if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
		fail "$folder is not empty: move it away, and keep it until the restored node works"
	fi
done
cd "$backup" # whoever starts this may stand in a folder that we cannot enter
sha256sum --check --quiet SHA256SUMS || fail "$backup is damaged (above): take another one"

mkdir -p "$data" "$index"
if [ -n "$owner" ]; then
	chown "$owner" "$data" "$index" || fail "OWNER=$owner: who is the server's user?"
fi
# They were empty, and only one run makes this in them: what a failure leaves there is ours.
mkdir "$data/restoring" || fail "another run is restoring to $data"
trap 'for folder in "$data" "$index"; do (cd "$folder" && find . -mindepth 1 -delete); done; echo "restore.sh: both folders are empty again" >&2' EXIT
trap 'exit 1' INT TERM HUP
cp -R --preserve=timestamps data/. "$data/" || fail "the log could not be copied (above)"
if [ -d index ]; then
	cp -R --preserve=timestamps index/. "$index/" || fail "the index could not be copied (above)"
fi
# What the chunks hold beyond the checkpoint may be half a write: the server cuts there when it starts.
cp "$data/chaser.chk" "$data/truncate.chk"
rmdir "$data/restoring"
if [ -n "$owner" ]; then
	chown -R "$owner" "$data" "$index"
fi
sync
trap - EXIT
echo "restored; start the node"

#!/bin/sh
# Copies the folder of images (WAYBILL_MEDIA=file://…) while nodes serve. An image never changes, so what was copied once is not copied again,
# and nothing is removed: a database that is restored to an earlier moment finds the images of that moment. Run it after the backup
# of the database and the log.
#
#   backup.sh MEDIA BACKUP
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

media=$(absolute "${1:?folder of the images}")
backup=$(absolute "${2:?folder of the backup}")

[ -f "$media/waybill-media-identity" ] || fail "$media is no store of images: is it mounted?"
mkdir -p "$backup"
media=$(cd "$media" && pwd -P) backup=$(cd "$backup" && pwd -P)
case $backup/ in
"$media"/*) fail "the backup would be in the folder of the images itself" ;;
esac
if [ -f "$backup/waybill-media-identity" ] && ! cmp -s "$media/waybill-media-identity" "$backup/waybill-media-identity"; then
	fail "$backup is the backup of another store"
fi
# One run at a time: the lock goes with the process.
exec 9>> "$backup/.lock"
flock -n 9 || fail "another run is copying to $backup"
cd "$media"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
trap 'exit 1' INT TERM HUP
if [ -d "$backup/sha256" ]; then # what a run that failed left
	find "$backup/sha256" -name '*.partial' -type f -delete
fi
if [ -d sha256 ]; then # a folder that cannot be read is a failure
	find sha256 -type f ! -name '*.tmp' > "$list" || fail "the images in $media cannot be listed (above)"
fi
while read -r file; do
	name=${file##*/}
	[ -f "$backup/$file" ] && continue
	mkdir -p "$backup/${file%/*}"
	if ! cp -p "$file" "$backup/$file.partial"; then
		[ -f "$file" ] || continue # collected in the meantime: it is not needed
		rm -f "$backup/$file.partial" || true
		fail "$media/$file was not copied (above)"
	fi
	if [ "$(sha256sum < "$backup/$file.partial" | cut -d ' ' -f 1)" != "$name" ]; then
		rm -f "$backup/$file.partial"
		fail "$media/$file is damaged: it is not what its name says"
	fi
	sync "$backup/$file.partial" # before it counts as copied
	mv "$backup/$file.partial" "$backup/$file"
done < "$list"
cp -p waybill-media-identity "$backup/"
sync -f "$backup"

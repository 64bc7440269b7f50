#!/bin/sh
# Copies the folder of images (WAYBILL_MEDIA=file://…) while nodes serve. An image never changes, so what was copied once is not copied again,
# and nothing is removed: a database that is restored to an earlier moment finds the images of that moment. Run it after the backup
# of the database and the log.
#
#   backup.sh MEDIA BACKUP
set -eu
umask 077

media=${1:?folder of the images}
backup=${2:?folder of the backup}

if [ ! -f "$media/waybill-media-identity" ]; then
	echo "$media is no store of images: is it mounted?" >&2
	exit 1
fi
mkdir -p "$backup"
media=$(cd "$media" && pwd) backup=$(cd "$backup" && pwd)
if [ -f "$backup/waybill-media-identity" ] && ! cmp -s "$media/waybill-media-identity" "$backup/waybill-media-identity"; then
	echo "$backup is the backup of another store" >&2
	exit 1
fi
cd "$media"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
[ ! -d sha256 ] || find sha256 -type f ! -name '*.tmp' > "$list" # a folder that cannot be read is a failure
while read -r file; do
	name=${file##*/}
	[ -f "$backup/$file" ] && continue
	mkdir -p "$backup/${file%/*}"
	if ! cp -p "$file" "$backup/$file.partial"; then
		[ -f "$file" ] || continue # collected in the meantime: it is not needed
		echo "$media/$file was not copied" >&2
		rm -f "$backup/$file.partial"
		exit 1
	fi
	if [ "$(sha256sum < "$backup/$file.partial" | cut -d ' ' -f 1)" != "$name" ]; then
		echo "$media/$file is damaged: it is not what its name says" >&2
		rm -f "$backup/$file.partial"
		exit 1
	fi
	mv "$backup/$file.partial" "$backup/$file"
done < "$list"
cp -p waybill-media-identity "$backup/"
sync -f "$backup"

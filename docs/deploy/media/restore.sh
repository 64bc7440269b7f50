#!/bin/sh
# Puts images back from a backup: those that are not there, or not whole. What is there and whole stays. Thumbnails are made again.
#
#   restore.sh BACKUP MEDIA         as the user that the nodes run as
set -eu
umask 077

backup=${1:?folder of the backup}
media=${2:?folder of the images}

[ -f "$backup/waybill-media-identity" ] || { echo "$backup is no backup of images" >&2; exit 1; }
mkdir -p "$media"
media=$(cd "$media" && pwd)
cd "$backup"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
[ ! -d sha256 ] || find sha256 -type f ! -name '*.partial' > "$list"
while read -r file; do
	if [ -f "$media/$file" ] && [ "$(sha256sum < "$media/$file" | cut -d ' ' -f 1)" = "${file##*/}" ]; then
		continue
	fi
	mkdir -p "$media/${file%/*}"
	cp -p "$file" "$media/$file.restored.tmp"
	mv "$media/$file.restored.tmp" "$media/$file"
done < "$list"
[ -f "$media/waybill-media-identity" ] || cp -p waybill-media-identity "$media/"
sync -f "$media"
echo "restored; see what is missing with: waybill media verify"

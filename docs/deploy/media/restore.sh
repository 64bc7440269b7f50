#!/bin/sh
# Puts images back from a backup: those that are not there, or not whole. What is there and whole stays. Thumbnails are made again.
#
#   restore.sh BACKUP MEDIA         as the user that the nodes run as
#
# An image that is damaged in the backup is named and not put back; the others are.
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

# whole FILE NAME: is it what its name says?
whole() {
	[ -f "$1" ] && [ "$(sha256sum < "$1" | cut -d ' ' -f 1)" = "$2" ]
}

backup=$(absolute "${1:?folder of the backup}")
media=$(absolute "${2:?folder of the images}")

[ -f "$backup/waybill-media-identity" ] || fail "$backup is no backup of images"
mkdir -p "$media"
if [ -f "$media/waybill-media-identity" ] && ! cmp -s "$media/waybill-media-identity" "$backup/waybill-media-identity"; then
	fail "$media is another store than the one that $backup is of"
fi
cd "$backup"
list=$(mktemp)
trap 'rm -f "$list"' EXIT
trap 'exit 1' INT TERM HUP
if [ -d sha256 ]; then
	find sha256 -type f ! -name '*.partial' > "$list" || fail "the images in $backup cannot be listed (above)"
fi
damaged=0
while read -r file; do
	name=${file##*/}
	if whole "$media/$file" "$name"; then
		continue
	fi
	if ! whole "$file" "$name"; then
		printf '%s\n' "restore.sh: $backup/$file is damaged: it is not what its name says" >&2
		damaged=$((damaged + 1))
		continue
	fi
	mkdir -p "$media/${file%/*}"
	if ! cp -p "$file" "$media/$file.restored.tmp"; then
		rm -f "$media/$file.restored.tmp" || true
		fail "$media/$file was not put back (above)"
	fi
	mv "$media/$file.restored.tmp" "$media/$file"
done < "$list"
[ -f "$media/waybill-media-identity" ] || cp -p waybill-media-identity "$media/"
sync -f "$media"
[ "$damaged" -eq 0 ] || fail "$damaged images are damaged in the backup (above); all others are there"
echo "restored; see what is missing with: waybill media verify"

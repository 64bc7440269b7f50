#!/bin/sh
# First thing on a new cluster: ends the passwords that every installation begins with, and makes the user that Waybill
# uses, who may write and read the log and nothing else.
#
#   ESDB=https://esdb1.waybill.internal:2113 CA=ca.crt OLD_PASSWORD=… ADMIN_PASSWORD=… OPS_PASSWORD=… WAYBILL_PASSWORD=… users.sh
#
# OLD_PASSWORD is what admin and ops have now. Steps that were done already are passed over; other failures stop it.
# The two access rules go by HTTP to streams, which the server takes only while EnableAtomPubOverHttp is true: set it on the
# node that is asked, and put it back to false (and restart that node) afterwards.
set -eu
umask 077

: "${ESDB:?}" "${CA:?}" "${OLD_PASSWORD:?}" "${ADMIN_PASSWORD:?}" "${OPS_PASSWORD:?}" "${WAYBILL_PASSWORD:?}"
for password in "$ADMIN_PASSWORD" "$OPS_PASSWORD" "$WAYBILL_PASSWORD"; do
	case $password in
	*[!A-Za-z0-9]*) echo "letters and digits only: passwords become part of JSON and of a URL" >&2; exit 2 ;;
	esac
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# as USER PASSWORD: the credentials go by file, because arguments show in the list of processes.
as() {
	printf 'user = "%s:%s"\n' "$1" "$2" > "$scratch/user"
}

# ask METHOD PATH BODY [more for curl]: prints the status.
ask() {
	method=$1 path=$2
	printf '%s' "$3" > "$scratch/body"
	shift 3
	curl --silent --show-error --cacert "$CA" --config "$scratch/user" --request "$method" \
		--header 'Content-Type: application/json' "$@" --data-binary "@$scratch/body" \
		--output "$scratch/answer" --write-out '%{http_code}' "$ESDB$path"
}

# want STATUS WHAT PATTERN
want() {
	# shellcheck disable=SC2254 # it is a pattern
	case $1 in
	$3) echo "$2: done" ;;
	*)
		echo "$2: $1" >&2
		cat "$scratch/answer" >&2
		exit 1
		;;
	esac
}

change() { # USER NEW
	as "$1" "$2"
	if [ "$(ask GET /users/\$current '')" = 200 ]; then
		echo "password of $1: as wanted already"
		return
	fi
	as "$1" "$OLD_PASSWORD"
	want "$(ask POST "/users/$1/command/change-password" "{\"currentPassword\":\"$OLD_PASSWORD\",\"newPassword\":\"$2\"}")" \
		"password of $1" '2??'
}

change ops "$OPS_PASSWORD"
change admin "$ADMIN_PASSWORD"

as admin "$ADMIN_PASSWORD"
status=$(ask POST /users/ "{\"loginName\":\"waybill\",\"fullName\":\"Waybill\",\"password\":\"$WAYBILL_PASSWORD\",\"groups\":[]}")
[ "$status" != 409 ] || status=200 # it exists, with the password that it had; the last step finds out
want "$status" "user waybill" '2??'

# Who may do what with streams that say nothing of their own. Without it every user may do everything.
# shellcheck disable=SC2016 # these are the server's names, not variables
want "$(ask POST /streams/%24settings '{
	"$userStreamAcl": {"$r": ["waybill", "$admins"], "$w": ["waybill"], "$d": "$admins", "$mr": "$admins", "$mw": "$admins"},
	"$systemStreamAcl": {"$r": "$admins", "$w": "$admins", "$d": "$admins", "$mr": "$admins", "$mw": "$admins"}
}' --header 'ES-EventType: update-default-acl' --header "ES-EventId: $(cat /proc/sys/kernel/random/uuid)")" "access to streams" '2??'

# Reading everything in order is a right of its own, which only administrators have at first: projectors live on it.
# shellcheck disable=SC2016 # as above
want "$(ask POST /streams/%24all/metadata '{"$acl": {"$r": ["waybill", "$admins"]}}' \
	--header 'ES-EventType: $metadata' --header "ES-EventId: $(cat /proc/sys/kernel/random/uuid)")" "reading \$all" '2??'

as waybill "$WAYBILL_PASSWORD"
want "$(ask GET /users/\$current '')" "waybill can log in" '200'

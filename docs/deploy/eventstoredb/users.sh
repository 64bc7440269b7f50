#!/bin/sh
# First thing on a new cluster: ends the passwords that every installation begins with, and makes the user that Waybill
# uses, who may write and read the log and nothing else.
#
#   ESDB=https://esdb1.waybill.internal:2113 CA=ca.crt OLD_PASSWORD=… ADMIN_PASSWORD=… OPS_PASSWORD=… WAYBILL_PASSWORD=… users.sh
#
# OLD_PASSWORD is what admin and ops have now. Steps that were done already are passed over; other failures stop it. A node
# knows a changed password moments after it was changed, the leader too: so each is waited for, WAIT seconds at most (30 when not set).
# The two access rules go by HTTP to streams, which the server takes only while EnableAtomPubOverHttp is true: set it on the
# node that is asked, and put it back to false (and restart that node) afterwards.
set -eu
umask 077

fail() { printf '%s\n' "users.sh: $*" >&2; exit 1; }

: "${ESDB:?}" "${CA:?}" "${OLD_PASSWORD:?}" "${ADMIN_PASSWORD:?}" "${OPS_PASSWORD:?}" "${WAYBILL_PASSWORD:?}"
for password in "$ADMIN_PASSWORD" "$OPS_PASSWORD" "$WAYBILL_PASSWORD"; do
	case $password in
	*[!A-Za-z0-9]*) fail "letters and digits only: passwords become part of JSON and of a URL" ;;
	esac
done
wait=${WAIT:-30}
case $wait in *[!0-9]*) fail "WAIT=$wait: want seconds" ;; esac
old=$(printf %s "$OLD_PASSWORD" | sed 's/[\\"]/\\&/g') # in JSON, and for curl
[ -r "$CA" ] || fail "CA=$CA cannot be read"
command -v curl > /dev/null || fail "curl is not on this machine"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP

# as USER PASSWORD: the credentials go by file, because arguments show in the list of processes.
as() {
	printf 'user = "%s:%s"\n' "$1" "$2" > "$scratch/user"
}

# ask METHOD PATH BODY [more for curl]: prints the status.
ask() {
	method=$1 path=$2
	printf '%s' "$3" > "$scratch/body"
	shift 3
	curl --silent --show-error --connect-timeout 10 --max-time 60 --cacert "$CA" --config "$scratch/user" --request "$method" \
		--header 'Content-Type: application/json' "$@" --data-binary "@$scratch/body" \
		--output "$scratch/answer" --write-out '%{http_code}' "$ESDB$path"
}

# insist METHOD PATH BODY [more for curl]: the same, again for a while when the credentials are refused.
insist() {
	left=$wait
	while status=$(ask "$@") && [ "$status" = 401 ] && [ "$left" -gt 0 ]; do
		left=$((left - 1))
		sleep 1
	done
	printf '%s' "$status"
}

# want STATUS WHAT PATTERN
want() {
	# shellcheck disable=SC2254 # it is a pattern
	case $1 in
	$3) echo "$2: done" ;;
	*)
		[ ! -s "$scratch/answer" ] || cat "$scratch/answer" >&2
		fail "$2: the server answered ${1:-nothing}"
		;;
	esac
}

# change USER NEW: until the node that is asked takes the new one. What it refuses may be known already where it was changed.
change() {
	left=$wait changed=
	while :; do
		as "$1" "$2"
		if [ "$(ask GET /users/\$current '')" = 200 ]; then
			echo "password of $1: ${changed:-as wanted already}"
			return
		fi
		if [ -z "$changed" ]; then
			as "$1" "$old"
			status=$(ask POST "/users/$1/command/change-password" "{\"currentPassword\":\"$old\",\"newPassword\":\"$2\"}")
			case $status in
			2??) changed=done ;;
			401) ;;
			*) want "$status" "password of $1" '2??' ;;
			esac
		fi
		if [ "$left" -le 0 ]; then
			[ -z "$changed" ] || fail "password of $1: changed, but $ESDB does not take it: run this again in a minute"
			fail "password of $1: $ESDB takes neither OLD_PASSWORD nor the new one"
		fi
		left=$((left - 1))
		sleep 1
	done
}

change ops "$OPS_PASSWORD"
change admin "$ADMIN_PASSWORD"

as admin "$ADMIN_PASSWORD"
status=$(insist POST /users/ "{\"loginName\":\"waybill\",\"fullName\":\"Waybill\",\"password\":\"$WAYBILL_PASSWORD\",\"groups\":[]}")
[ "$status" != 409 ] || status=200 # it exists, with the password that it had; the last step finds out
want "$status" "user waybill" '2??'

# Who may do what with streams that say nothing of their own. Without it every user may do everything.
# shellcheck disable=SC2016 # these are the server's names, not variables
want "$(insist POST /streams/%24settings '{
	"$userStreamAcl": {"$r": ["waybill", "$admins"], "$w": ["waybill"], "$d": "$admins", "$mr": "$admins", "$mw": "$admins"},
	"$systemStreamAcl": {"$r": "$admins", "$w": "$admins", "$d": "$admins", "$mr": "$admins", "$mw": "$admins"}
}' --header 'ES-EventType: update-default-acl' --header "ES-EventId: $(cat /proc/sys/kernel/random/uuid)")" "access to streams" '2??'

# Reading everything in order is a right of its own, which only administrators have at first: projectors live on it.
# shellcheck disable=SC2016 # as above
want "$(insist POST /streams/%24all/metadata '{"$acl": {"$r": ["waybill", "$admins"]}}' \
	--header 'ES-EventType: $metadata' --header "ES-EventId: $(cat /proc/sys/kernel/random/uuid)")" "reading \$all" '2??'

as waybill "$WAYBILL_PASSWORD"
want "$(insist GET /users/\$current '')" "waybill can log in" '200'

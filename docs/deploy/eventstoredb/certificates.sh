#!/bin/sh
# Makes a certificate authority of its own for the cluster, once, and a certificate for each node.
#
#   certificates.sh FOLDER esdb1.waybill.internal=10.20.0.11 esdb2.waybill.internal=10.20.0.12 …
#
# Further names and addresses of a node go behind a comma. For esdb+discover://esdb.waybill.internal every node has that name too:
#
#   certificates.sh FOLDER esdb1.waybill.internal=10.20.0.11,esdb.waybill.internal …
#
# Every node gets FOLDER/<node>/ as /etc/eventstore/certs: node.crt, node.key and ca/ca.crt. Waybill gets ca.crt, for
# tlsCaFile. FOLDER/ca.key signs further nodes: keep it away from all of them. Run it again with the same folder to renew
# or to add nodes; the authority stays, and a node's old pair until the new one is whole.
set -eu
umask 077

fail() { printf '%s\n' "certificates.sh: $*" >&2; exit 1; }

folder=${1:?folder for the certificates}
shift
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
[ $# -gt 0 ] || fail "name the nodes: host=address …"
ca_days=3650
node_days=397

# alternatives HOST=ADDRESS[,NAME or ADDRESS…]: as openssl wants them.
alternatives() {
	said=DNS:${1%%=*}
	rest=${1#*=},
	while [ -n "$rest" ]; do
		one=${rest%%,*}
		rest=${rest#*,}
		case $one in
		'' | *[!A-Za-z0-9.:-]*) return 1 ;;
		*:* | [0-9]*.*[0-9].[0-9]*) said=$said,IP:$one ;;
		*) said=$said,DNS:$one ;;
		esac
	done
	printf '%s\n' "$said"
}

for node in "$@"; do # all of them before the first file
	case ${node%%=*} in
	"$node" | '' | *[!A-Za-z0-9.-]*) fail "$node: want host=address, and behind a comma what else the node is called" ;;
	esac
	alternatives "$node" > /dev/null || fail "$node: want host=address, and behind a comma what else the node is called"
done
command -v openssl > /dev/null || fail "openssl is not on this machine"

mkdir -p "$folder"
cd "$folder"
exec 9>> .lock # one run at a time
flock -n 9 || fail "another run is making certificates in $folder"
trap 'rm -f .new.*' EXIT
trap 'exit 1' INT TERM HUP
if [ ! -e ca.key ]; then
	openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days "$ca_days" -subj "/O=Waybill/CN=Waybill EventStoreDB CA" \
		-addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout .new.ca.key -out .new.ca.crt || fail "the authority was not made (above)"
	mv .new.ca.crt ca.crt
	mv .new.ca.key ca.key
fi
[ -s ca.crt ] || fail "$folder has ca.key but no ca.crt: put it back, or begin with an empty folder"

for node in "$@"; do
	out=${node%%=*}
	# Nodes know each other by the common name, which must be the same on all; clients by the alternative names.
	openssl req -newkey rsa:2048 -sha256 -nodes -subj "/CN=eventstoredb-node" -keyout .new.key -out .new.csr ||
		fail "$out has no new key (above)"
	cat > .new.ext <<-EXT
		basicConstraints=critical,CA:FALSE
		keyUsage=critical,digitalSignature,keyEncipherment
		extendedKeyUsage=serverAuth,clientAuth
		subjectAltName=$(alternatives "$node")
	EXT
	openssl x509 -req -sha256 -days "$node_days" -in .new.csr -extfile .new.ext -CA ca.crt -CAkey ca.key -CAcreateserial -out .new.crt ||
		fail "$out has no new certificate (above)"
	openssl verify -CAfile ca.crt .new.crt || fail "the new certificate of $out is not of this authority (above)"
	mkdir -p "$out/ca"
	cp ca.crt "$out/ca/ca.crt"
	mv .new.key "$out/node.key"
	mv .new.crt "$out/node.crt"
done

#!/bin/sh
# Makes a certificate authority of its own for the cluster, once, and a certificate for each node.
#
#   certificates.sh FOLDER esdb1.waybill.internal=10.20.0.11 esdb2.waybill.internal=10.20.0.12 …
#
# Every node gets FOLDER/<node>/ as /etc/eventstore/certs: node.crt, node.key and ca/ca.crt. Waybill gets ca.crt, for
# tlsCaFile. FOLDER/ca.key signs further nodes: keep it away from all of them. Run it again with the same folder to renew
# or to add nodes; the authority stays.
set -eu
umask 077

folder=${1:?folder for the certificates}
shift
[ $# -gt 0 ] || { echo "name the nodes: host=address …" >&2; exit 2; }
ca_days=3650
node_days=397

mkdir -p "$folder"
if [ ! -e "$folder/ca.key" ]; then
	openssl req -x509 -newkey rsa:3072 -sha256 -nodes -days "$ca_days" -subj "/O=Waybill/CN=Waybill EventStoreDB CA" \
		-addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
		-keyout "$folder/ca.key" -out "$folder/ca.crt"
fi

for node in "$@"; do
	host=${node%%=*}
	address=${node#*=}
	if [ "$host" = "$node" ] || [ -z "$address" ]; then
		echo "$node: want host=address" >&2
		exit 2
	fi
	out=$folder/$host
	mkdir -p "$out/ca"
	# Nodes know each other by the common name, which must be the same on all; clients by the alternative names.
	openssl req -newkey rsa:2048 -sha256 -nodes -subj "/CN=eventstoredb-node" -keyout "$out/node.key" -out "$out/node.csr"
	cat > "$out/node.ext" <<-EXT
		basicConstraints=critical,CA:FALSE
		keyUsage=critical,digitalSignature,keyEncipherment
		extendedKeyUsage=serverAuth,clientAuth
		subjectAltName=DNS:$host,IP:$address
	EXT
	openssl x509 -req -sha256 -days "$node_days" -in "$out/node.csr" -extfile "$out/node.ext" \
		-CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -out "$out/node.crt"
	cp "$folder/ca.crt" "$out/ca/ca.crt"
	rm "$out/node.csr" "$out/node.ext"
	openssl verify -CAfile "$folder/ca.crt" "$out/node.crt"
done

package main

// peersRemedy says what there is in the place of a flag that some peer-finders have.
func peersRemedy(flag string) string {
	return map[string]string{
		"hosts-file":   " (-o hosts -file FILE writes one)",
		"address-type": " (scripts have $PEERS_ADDRESSES, and -o json and -o template have addresses)",
		"selector":     " (peers are those of a Service, which may have that selector)",
		"master":       " (-kubeconfig FILE names a cluster)",
	}[flag]
}

// peersAbout is what help says of peers before its flags.
const peersAbout = `
SERVICE is the name of a headless Service, as a StatefulSet's serviceName, or any name
that lists peers: by SRV records, else by addresses and their PTR records. It is looked
up as a pod would (nginx, nginx.shop, or a full name), at any DNS server.

Peers are pods' names in order, one a line. A failed look-up changes nothing, and an empty answer
counts once it was given for -empty-after. Changes are printed at once; scripts, files
and commands wait until they settle.

  rollcall peers nginx                             print the peers
  rollcall peers nginx -watch -o json              print a line of JSON at each change
  rollcall peers nginx -wait replicas -timeout 5m  in an init container: wait for all
  rollcall peers -service nginx -on-start 'cat > /etc/peers' -on-change /reload.sh
                                                   as peer-finder does
  rollcall peers nginx -wait 3 -o hosts -file /run/peers -change HUP -exec dbd -c /etc/db.conf
                                                   as a container's first process
  rollcall peers nginx.shop -server 127.0.0.1:5300 ask this server
  rollcall peers nginx.shop -kubeconfig FILE       from outside of the cluster, by its API

-exec is the last flag: all that follows is the command's. Scripts and commands have PEERS,
PEERS_ADDED, PEERS_REMOVED (names, by commas), PEERS_ADDRESSES, PEERS_COUNT and PEERS_SELF in
their environment. As a container's first process, rollcall reaps orphans.

-wait replicas lists the StatefulSets of the Service's namespace, which its account must be
allowed to (verb list of statefulsets in apps).

Exit status: 0 done, or ended by a signal while following; 1 an error, wrong usage, or a script that
failed; 3 no peers, of a single look-up; 124 -timeout is over; with -exec the command's own, 128+N
if signal N ended it, 126 or 127 if it could not be started.
`

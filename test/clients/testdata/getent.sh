# Looks up what standard input asks for with getent, that is, with glibc's
# getaddrinfo and gethostbyname2. See doc.go for what it reads and writes.
while read -r kind name; do
	case $kind in
	ip) database=ahosts ;;
	ip4) database=ahostsv4 ;;
	ip6) database=ahostsv6 ;;
	*) database=hosts ;; # one, ptr
	esac
	if lines=$(getent "$database" "$name"); then
		# ahosts has a line for each address and type of socket. ahostsv6 falls back
		# to IPv4 addresses, mapped; they are no answer here.
		column=1
		[ "$kind" = ptr ] && column=2
		values=$(printf '%s\n' "$lines" | awk "{ print \$$column }" | grep -v '^::ffff:' | sort -u | tr '\n' ' ')
		[ -n "$values" ] && echo "found $values" || echo "none mapped"
	else
		echo "none status-$?"
	fi
done

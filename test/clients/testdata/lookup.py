"""Looks up what standard input asks for, by Python's own socket module or, with
the argument "dnspython", by that. See doc.go for what it reads and writes."""

import socket
import sys


def by_socket(kind, name):
    try:
        if kind == "ptr":
            return [socket.getnameinfo((name, 0), socket.NI_NAMEREQD)[0]]
        family = {"ip4": socket.AF_INET, "ip6": socket.AF_INET6, "ip": socket.AF_UNSPEC}[kind]
        return [found[4][0] for found in socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)]
    except socket.gaierror as e:
        none = e.errno in (socket.EAI_NONAME, socket.EAI_NODATA)
        raise Failure("none" if none else "failed", next(
            n for n in dir(socket) if n.startswith("EAI_") and getattr(socket, n) == e.errno)) from e


def by_dnspython(kind, name):
    import dns.resolver

    try:
        if kind == "ptr":
            return [str(r.target) for r in dns.resolver.resolve_address(name)]
        answer = dns.resolver.resolve(name, {"ip4": "A", "ip6": "AAAA", "srv": "SRV"}[kind], search=True)
        if kind == "srv":
            return [f"{r.priority}/{r.port}/{r.target}" for r in answer]
        return [r.address for r in answer]
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as e:
        raise Failure("none", type(e).__name__) from e
    except dns.exception.DNSException as e:
        raise Failure("failed", type(e).__name__) from e


class Failure(Exception):
    pass


lookup = by_dnspython if "dnspython" in sys.argv else by_socket
for line in sys.stdin:
    try:
        print("found", *lookup(*line.split()), flush=True)
    except Failure as failure:
        print(*failure.args, flush=True)

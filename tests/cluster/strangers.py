"""What strangers get of the ports of the test hosts."""

from collections.abc import Collection

from tests.cluster.hosts import Hosts
from tests.probing import asked, listening_in, where


def met(hosts: Hosts, but: Collection[int] = ()) -> dict[tuple[str, int], set[str]]:
    """What each port of the hosts answers to their other users, and to a neighbour who reaches it.

    Ports of the same address on two hosts are taken together.
    """
    got: dict[tuple[str, int], set[str]] = {}
    for name, address in hosts.addresses.items():
        table = hosts.run(name, ["cat", "/proc/net/tcp", "/proc/net/tcp6"])
        found = [one for one in listening_in(table) if one[1] not in but]
        reached = [one for one in found if where(one[0]) != "loopback"]
        inside = asked(found, lambda words, name=name: hosts.command(name, words))
        outside = asked([(address, port) for _, port in reached])
        for one in found:
            got.setdefault(one, set()).update(inside[one], outside.get((address, one[1]), ()))
    return got

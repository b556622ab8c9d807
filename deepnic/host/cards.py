"""The network cards of this machine."""

import socket

import psutil


def addresses_of_cards() -> dict[str, list[str]]:
    """IPv4 addresses of each card, by its name; one may have none."""
    return {
        name: [each.address for each in card if each.family == socket.AF_INET]
        for name, card in psutil.net_if_addrs().items()
    }

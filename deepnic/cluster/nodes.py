"""`python -m deepnic.cluster.nodes ADDRESS`: addresses of a Ray cluster's nodes, one a line.

The variables of the environment hold the token and the certificates.
"""

import sys


def alive(address: str) -> list[str]:
    """Ask the head of a Ray cluster which nodes it has."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # all else needs a node of Ray on this machine

    nodes = GcsClient(address=address).get_all_node_info().values()
    return sorted(node.node_manager_address for node in nodes if node.state == 0)


if __name__ == "__main__":
    print("\n".join(alive(sys.argv[1])))

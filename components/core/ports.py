"""Ports of this machine, on which people and programs are answered."""

import ipaddress
import socket

from components.core.contracts.errors import ConfigurationError


def listen(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes one that is free.

    Raises:
        ConfigurationError: the address is none of this machine's, or the port is taken or none.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"--host {host} --port {port}: cannot listen there: {error}") from error


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

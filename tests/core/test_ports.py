"""Ports: taken once, refused with a line, and known to be this machine's alone or not."""

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.ports import is_loopback, listen


def test_a_port_that_is_taken_is_refused_and_one_that_is_free_is_found() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert port
        with pytest.raises(ConfigurationError, match=f"--host 127.0.0.1 --port {port}: cannot listen there"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("192.0.2.1", 0), ("no host", 0)])
def test_what_is_no_port_or_address_of_this_machine_is_one_line(host: str, port: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen there") as caught:
        listen(host, port)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.168.0.7", False), ("a.b", False)]
)
def test_only_loopback_is_for_this_machine_alone(host: str, own: bool) -> None:
    assert is_loopback(host) is own

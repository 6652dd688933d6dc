"""Where webhooks may go: no address inside, by no spelling."""

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from partners.delivery.targets import Rules, UrlRefused, addresses, check_network, read_url, system_addresses

CASES = Path(os.environ.get("API_CASES", Path(__file__).parents[3] / "../shared/data/api")) / "ssrf.json"
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
SANDBOX = Rules(loopback=True)


def cases(name: str) -> list[str]:
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there: set API_CASES to the folder that has ssrf.json")
    found: list[str] = json.loads(CASES.read_text())[name]
    return found


def found_for(url: str, *resolved: str, rules: Rules = Rules()) -> list[str]:
    def resolve(name: str) -> Sequence[str]:
        return resolved

    return addresses(read_url(url, rules), rules, resolve)


@pytest.mark.parametrize("rules", [Rules(), SANDBOX], ids=["live", "sandbox"])
def test_the_listed_urls_are_refused(rules: Rules) -> None:
    """Also where the name leads to public addresses, and by a sandbox that may use the loopback."""
    for url in cases("refuse"):
        with pytest.raises(UrlRefused):
            found_for(url, *PUBLIC, rules=rules)


def test_the_listed_urls_are_taken_if_every_address_is_public() -> None:
    for url in cases("accept_when_the_name_resolves_to_public_addresses_only"):
        assert found_for(url, *PUBLIC) == PUBLIC
        for inside in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"):
            with pytest.raises(UrlRefused):
                found_for(url, *PUBLIC, inside)
        with pytest.raises(OSError, match="no address"):
            found_for(url)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.8.8.8", "168.63.129.16",
        "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1", "nonsense", "",
    ],
)  # fmt: skip
def test_no_name_may_lead_there(address: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        found_for("https://hooks.example.com/x", address)
    assert caught.value.code == "address_refused"


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_taken(address: str) -> None:
    assert found_for("https://hooks.example.com/x", address, address) == [address]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "wrong_scheme"), ("HTTP://hooks.example.com/", "wrong_scheme"),
        ("//hooks.example.com/", "wrong_scheme"), ("hooks.example.com", "wrong_format"),
        ("file:///etc/passwd", "wrong_format"), ("gopher://hooks.example.com/", "wrong_scheme"),
        ("https://", "wrong_format"), ("https:///x", "wrong_format"), ("", "wrong_format"),
        ("https://hooks.example.com:22/", "wrong_port"), ("https://hooks.example.com:80/", "wrong_port"),
        ("https://hooks.example.com:0/", "wrong_port"), ("https://hooks.example.com:99999/", "wrong_format"),
        ("https://hooks.example.com:/", "wrong_format"), ("https://hooks.example.com:x/", "wrong_format"),
        ("https://user@hooks.example.com/", "credentials"), ("https://@hooks.example.com/", "credentials"),
        ("https://hooks.example.com@10.0.0.1/", "credentials"), ("https://hooks.example.com/#x", "wrong_format"),
        ("https://hooks.example.com\\@10.0.0.1/", "wrong_format"), ("https://hooks.example.com/a b", "wrong_format"),
        ("https://hooks.example.com/\r\nX: y", "wrong_format"), ("https://hooks.example.com/\x00", "wrong_format"),
        ("https://hooks.exämple.com/", "wrong_format"), ("https://１２７.0.0.1/", "wrong_format"),
        ("https://hooks.example.com/" + "x" * 500, "wrong_format"), ("https://[::1/", "wrong_format"),
        ("https://intranet/", "wrong_host"), ("https://LOCALHOST/", "wrong_host"),
        ("https://a.localhost/", "wrong_host"),
        ("https://metadata.google.internal/", "wrong_host"), ("https://printer.local/", "wrong_host"),
        ("https://hooks.example.com./", "wrong_host"), ("https://.example.com/", "wrong_host"),
        ("https://a..example.com/", "wrong_host"), ("https://-a.example.com/", "wrong_host"),
        ("https://127.0.0.1.0x7f/", "wrong_host"), ("https://127.0.1/", "wrong_host"),
        ("https://010.8.8.8/", "wrong_host"),
        ("https://%31%32%37.0.0.1/", "wrong_host"), ("https://" + "a" * 64 + ".example.com/", "wrong_host"),
    ],
)  # fmt: skip
def test_urls_of_a_wrong_form(url: str, code: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        found_for(url, *PUBLIC)
    assert caught.value.code == code


def test_a_literal_address_is_judged_too() -> None:
    assert found_for("https://8.8.8.8/x") == ["8.8.8.8"]
    assert found_for("https://[2606:4700::1111]/x") == ["2606:4700::1111"]
    with pytest.raises(UrlRefused):
        found_for("https://[fd00::1]/x")


def test_what_is_sent_where() -> None:
    target = read_url("https://Hooks.Example.com/a/b?x=1&y=%20", Rules())
    assert (target.secure, target.authority, target.name, target.port) == (
        True, "hooks.example.com", "hooks.example.com", 443,
    )  # fmt: skip
    assert target.path == "/a/b?x=1&y=%20"
    assert read_url("https://hooks.example.com", Rules()).path == "/"
    assert read_url("http://[::1]:8080/x", SANDBOX).authority == "[::1]:8080"


def test_a_sandbox_may_use_the_loopback_and_nothing_else_by_http() -> None:
    for url, address in (
        ("http://127.0.0.1:9000/x", "127.0.0.1"), ("http://localhost:1024/x", "127.0.0.1"),
        ("http://[::1]:9000/", "::1"),
    ):  # fmt: skip
        assert found_for(url, "10.0.0.1", rules=SANDBOX) == [address]
        with pytest.raises(UrlRefused):
            found_for(url, *PUBLIC)
    for url in (
        "http://127.0.0.1/", "http://127.0.0.1:22/", "http://127.0.0.2:9000/", "http://10.0.0.1:9000/",
        "http://hooks.example.com:9000/", "http://localhost.example.com:9000/", "http://2130706433:9000/",
    ):  # fmt: skip
        with pytest.raises(UrlRefused):
            found_for(url, *PUBLIC, rules=SANDBOX)


def test_an_operator_may_approve_a_private_network() -> None:
    rules = Rules(network=check_network("10.20.0.0/16"))
    assert found_for("https://hooks.bank.example:8443/x", "10.20.3.4", rules=rules) == ["10.20.3.4"]
    for inside in ("10.21.0.1", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(UrlRefused):
            found_for("https://hooks.bank.example/x", "10.20.3.4", inside, rules=rules)


@pytest.mark.parametrize(
    "text", ["", "x", "127.0.0.0/8", "0.0.0.0/0", "169.254.0.0/16", "8.8.8.0/24", "10.0.0.1/8", "::/0"]
)
def test_other_networks_cannot_be_approved(text: str) -> None:
    with pytest.raises(UrlRefused):
        check_network(text)


def test_the_systems_resolver() -> None:
    assert set(system_addresses("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(socket.gaierror):
        system_addresses("no-such-name.invalid")

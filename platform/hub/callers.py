"""From which address a request came, as the proxies in front of us tell it."""

import ipaddress

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest

_HOME_V6 = 64  # one household or server has at least so much of IPv6 for itself (RFC 6177)


def client_address(request: HttpRequest) -> str:
    """Return the address by which a client is counted: an IPv6 one by its /64 network's first; "" for none.

    X-Forwarded-For is believed as far as LUOPAN_PROXIES says that proxies of ours wrote it, and no further.
    """
    try:
        address = ipaddress.ip_address(get_client_ip(request) or "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _HOME_V6), strict=False).network_address)
    return str(address)

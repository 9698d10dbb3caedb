"""What schemathesis cannot know from the description."""

import ipaddress
import re
import uuid

import schemathesis
from hypothesis import strategies as st


def network(address, prefix):
    return str(ipaddress.ip_network((address, prefix), strict=False))


NETWORKS = st.one_of(
    st.builds(network, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(network, st.ip_addresses(v=6), st.integers(0, 128)),
    st.ip_addresses().map(str),
)

schemathesis.openapi.format("cidr", NETWORKS)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes each idempotency key new: with another body, a key that was used before is refused."""
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex

//! The networks that discovered URLs may lead to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Network {
    Public = 0,
    /// RFC 1918, RFC 4193, RFC 6598, loopback.
    Private = 1,
    /// RFC 3927, RFC 4291 §2.5.6. Cloud providers serve credentials there.
    LinkLocal = 2,
    /// Unspecified, multicast, reserved.
    Unusable = 3,
}

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => {
                embedded_v4(address).map_or_else(|| Self::of_v6(address), Self::of_v4)
            }
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [first, second, third, _] = address.octets();
        match (first, second, third) {
            (0 | 224.., _, _) => Self::Unusable,
            (169, 254, _) => Self::LinkLocal,
            // RFC 6598 (shared), RFC 6890 (protocol assignments), RFC 2544 (benchmarks).
            (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => Self::Private,
            _ if address.is_private() || address.is_loopback() => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::Private,
            // Local-use NAT64 (RFC 8215), whose embedding of IPv4 addresses only the operator knows.
            [0x64, 0xff9b, 1, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            // Includes Teredo (RFC 4380), which is out of use, and the discard prefix (RFC 6666).
            [0, 0, 0, 0, 0, 0, _, _]
            | [0x2001, 0, ..]
            | [0x100, 0, 0, 0, ..]
            | [0xff00..=0xffff, ..] => Self::Unusable,
            _ => Self::Public,
        }
    }
}

/// The IPv4 address that this one stands for: mapped, translated (RFC 2765), 6to4 (RFC 3056), NAT64 (RFC 6052).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from_bits(
            (u32::from(high) << 16) | u32::from(low),
        )),
        _ => None,
    }
}

/// The networks that discovered URLs may lead to: public ones, and networks of the issuer's own kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedNetworks(Arc<AtomicU8>);

impl AllowedNetworks {
    pub(crate) fn set_issuer_network(&self, issuer: Network) {
        self.0.store(issuer as u8, Ordering::Relaxed);
    }

    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        match Network::of(address) {
            Network::Public => true,
            Network::Unusable => false,
            network => network as u8 == self.0.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_classified_by_network() {
        for (network, addresses) in [
            (
                Network::Public,
                "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 192.0.2.1 2606:4700::1 64:ff9b::808:808 ::ffff:8.8.8.8",
            ),
            (
                Network::Private,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1 127.9.9.9 100.64.0.1 198.18.0.1 192.0.0.8 ::1 fc00::1 fd00:ec2::254 fec0::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::a00:1 2002:a00:1::1 2002:7f00:1:: 64:ff9b:1::a00:1 64:ff9b:1:a9fe:a9:fe00:: ::ffff:0:10.0.0.1",
            ),
            (
                Network::LinkLocal,
                "169.254.169.254 fe80::1 febf::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe ::ffff:0:169.254.169.254",
            ),
            (
                Network::Unusable,
                "0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 240.0.0.1 :: ff02::1 ::7f00:1 2001:0:4136:e378:8000:63bf:5601:5601 100::1",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
            }
        }
    }

    #[test]
    fn networks_of_the_issuers_kind_are_allowed() {
        let allowed = |issuer: Network, address: &str| {
            let networks = AllowedNetworks::default();
            networks.set_issuer_network(issuer);
            networks.allows(address.parse().unwrap())
        };
        for (issuer, public, private, link_local) in [
            (Network::Public, true, false, false),
            (Network::Private, true, true, false),
            (Network::LinkLocal, true, false, true),
            (Network::Unusable, true, false, false),
        ] {
            assert_eq!(allowed(issuer, "1.1.1.1"), public, "{issuer:?}");
            assert_eq!(allowed(issuer, "10.0.0.1"), private, "{issuer:?}");
            assert_eq!(allowed(issuer, "127.0.0.1"), private, "{issuer:?}");
            assert_eq!(allowed(issuer, "169.254.169.254"), link_local, "{issuer:?}");
            assert!(!allowed(issuer, "0.0.0.0"), "{issuer:?}");
        }
        assert!(
            !AllowedNetworks::default().allows(IpAddr::from([127, 0, 0, 1])),
            "only public ones until the issuer is known"
        );
    }
}

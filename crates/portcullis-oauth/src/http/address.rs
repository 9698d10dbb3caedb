//! Which addresses an URL that an issuer named may lead to.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What kind of network an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Network {
    /// Anyone's.
    Public = 0,
    /// The operator's own: RFC 1918, RFC 4193, RFC 6598, loopback.
    Private = 1,
    /// Of one link, where cloud providers serve credentials: RFC 3927, RFC 4291 §2.5.6.
    LinkLocal = 2,
    /// Nobody's: unspecified, multicast, reserved.
    Nowhere = 3,
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
            (0 | 224.., _, _) => Self::Nowhere,
            (169, 254, _) => Self::LinkLocal,
            // RFC 6598 (shared), 6890 (protocol assignments) and 2544 (benchmarks) are no more public than RFC 1918.
            (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => Self::Private,
            _ if address.is_private() || address.is_loopback() => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Self::Private,
            // A translator of the operator's own, to IPv4 addresses written in a way that only it knows (RFC 8215).
            [0x64, 0xff9b, 1, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            // Also Teredo (RFC 4380), whose servers are gone, and the discard prefix (RFC 6666).
            [0, 0, 0, 0, 0, 0, _, _]
            | [0x2001, 0, ..]
            | [0x100, 0, 0, 0, ..]
            | [0xff00..=0xffff, ..] => Self::Nowhere,
            _ => Self::Public,
        }
    }
}

/// The IPv4 address that packets to this one end up at: mapped, translated (RFC 2765), 6to4 (RFC 3056), NAT64 (RFC 6052).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// Where discovered URLs may lead: to public addresses, and to networks of the kind the issuer is in itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(Arc<AtomicU8>);

impl Reach {
    /// Takes note of the address that the issuer's own metadata came from.
    pub(crate) fn extend_to(&self, issuer: Network) {
        self.0.store(issuer as u8, Ordering::Relaxed);
    }

    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        match Network::of(address) {
            Network::Public => true,
            Network::Nowhere => false,
            network => network as u8 == self.0.load(Ordering::Relaxed),
        }
    }
}

/// Resolves names at connect time, and keeps to the reach for all but the operator's own choice.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    /// The issuer's host, as the operator configured it. It may have any address.
    pub(crate) issuer: Option<String>,
    /// Other hosts that the operator chose: of proxies, and of endpoints. They may have any address too.
    pub(crate) others: Vec<String>,
    /// Whether answers may come from a proxy, whose address says nothing of the issuer's. The issuer's own is then
    /// learned here: its name is asked for only where it is reached directly.
    pub(crate) is_behind_proxies: bool,
    pub(crate) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is = |host: &String| host.eq_ignore_ascii_case(name.as_str());
        let is_issuer = self.issuer.as_ref().is_some_and(is);
        let is_chosen = is_issuer || self.others.iter().any(is);
        let learns = is_issuer && self.is_behind_proxies;
        let reach = self.reach.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| is_chosen || reach.allows(address.ip()))
                .collect();
            if let Some(first) = allowed.first().filter(|_| learns) {
                reach.extend_to(Network::of(first.ip()));
            }
            if allowed.is_empty() {
                return Err(ForbiddenAddress.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A discovered host is in a network that the issuer is not in.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a discovered host has no address but private or link-local ones, and the issuer is not in such a network"
)]
pub(crate) struct ForbiddenAddress;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_by_address() {
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
                Network::Nowhere,
                "0.0.0.0 0.1.2.3 224.0.0.1 255.255.255.255 240.0.0.1 :: ff02::1 ::7f00:1 2001:0:4136:e378:8000:63bf:5601:5601 100::1",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
            }
        }
    }

    #[test]
    fn the_reach_is_the_issuers_own() {
        let allowed = |issuer: Network, address: &str| {
            let reach = Reach::default();
            reach.extend_to(issuer);
            reach.allows(address.parse().unwrap())
        };
        for (issuer, public, private, link_local) in [
            (Network::Public, true, false, false),
            (Network::Private, true, true, false),
            (Network::LinkLocal, true, false, true),
            (Network::Nowhere, true, false, false),
        ] {
            assert_eq!(allowed(issuer, "1.1.1.1"), public, "{issuer:?}");
            assert_eq!(allowed(issuer, "10.0.0.1"), private, "{issuer:?}");
            assert_eq!(allowed(issuer, "127.0.0.1"), private, "{issuer:?}");
            assert_eq!(allowed(issuer, "169.254.169.254"), link_local, "{issuer:?}");
            assert!(!allowed(issuer, "0.0.0.0"), "{issuer:?}");
        }
        assert!(
            !Reach::default().allows(IpAddr::from([127, 0, 0, 1])),
            "public alone, until the issuer was seen"
        );
    }

    #[tokio::test]
    async fn names_are_judged_by_what_they_resolve_to() {
        let resolver = GuardedResolver {
            issuer: None,
            others: Vec::new(),
            is_behind_proxies: false,
            reach: Reach::default(),
        };
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(
            resolver.resolve(name()).await.is_err(),
            "loopback counts as private"
        );
        resolver.reach.extend_to(Network::Private);
        assert!(resolver.resolve(name()).await.is_ok());
        for (issuer, others, is_behind_proxies) in [
            (Some("LocalHost"), &[][..], false),
            (None, &["LocalHost"], true),
            (None, &["LocalHost"], false),
            (Some("LocalHost"), &["proxy.example"], true),
        ] {
            let chosen = GuardedResolver {
                issuer: issuer.map(str::to_owned),
                others: others.iter().map(|host| String::from(*host)).collect(),
                is_behind_proxies,
                reach: Reach::default(),
            };
            let learns = issuer.is_some() && is_behind_proxies;
            assert!(
                chosen.resolve(name()).await.is_ok(),
                "what the operator chose is not discovered"
            );
            assert_eq!(
                chosen.reach.allows(IpAddr::from([10, 0, 0, 1])),
                learns,
                "{issuer:?} {others:?}"
            );
        }
    }
}

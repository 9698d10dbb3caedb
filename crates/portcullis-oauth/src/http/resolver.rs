//! DNS resolution that refuses addresses to which discovered URLs must not lead.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{AllowedNetworks, Network};

/// Resolves names at connect time, so that a check cannot be bypassed by a changed DNS record.
#[derive(Clone, Debug)]
pub(super) struct GuardedResolver {
    /// The host of `configured` in `HttpClient::new`. It may have any address.
    pub(super) issuer_host: Option<String>,
    /// The hosts of proxies and of other configured URLs. They may have any address.
    pub(super) other_hosts: Vec<String>,
    /// Whether proxies are configured. The peer may then be a proxy, so its address does not tell the issuer's network. The
    /// issuer's network is then learned in `resolve`, but only if `NO_PROXY` lists the issuer: else the proxy resolves its name.
    pub(super) is_behind_proxy: bool,
    pub(super) networks: AllowedNetworks,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is = |host: &String| host.eq_ignore_ascii_case(name.as_str());
        let is_issuer = self.issuer_host.as_ref().is_some_and(is);
        let is_configured = is_issuer || self.other_hosts.iter().any(is);
        let learns = is_issuer && self.is_behind_proxy;
        let networks = self.networks.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let may_connect = |to: &SocketAddr| is_configured || networks.allows(to.ip());
            let allowed: Vec<_> = found.filter(may_connect).collect();
            let Some(first) = allowed.first() else {
                return Err(ForbiddenAddress.into());
            };
            if learns {
                networks.set_issuer_network(Network::of(first.ip()));
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// A discovered host has no address that it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the discovered host resolves only to addresses that are not publicly routable, and the issuer is not known to be in the same kind of network: have the metadata corrected, or if this is intended, configure the URL (`jwks_uri`, `token_endpoint`, `revocation_endpoint`), which may be in any network"
)]
pub(super) struct ForbiddenAddress;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn resolver(issuer: Option<&str>, others: &[&str], is_behind_proxy: bool) -> GuardedResolver {
        GuardedResolver {
            issuer_host: issuer.map(str::to_owned),
            other_hosts: others.iter().map(|host| String::from(*host)).collect(),
            is_behind_proxy,
            networks: AllowedNetworks::default(),
        }
    }

    fn localhost() -> Name {
        "localhost".parse().unwrap()
    }

    #[tokio::test]
    async fn discovered_name_on_loopback_is_refused_unless_the_issuer_is_private() {
        let resolver = resolver(None, &[], false);
        assert!(resolver.resolve(localhost()).await.is_err());
        resolver.networks.set_issuer_network(Network::Private);
        assert!(resolver.resolve(localhost()).await.is_ok());
    }

    #[tokio::test]
    async fn configured_names_may_have_any_address() {
        for (issuer, others, is_behind_proxies) in [
            (Some("LocalHost"), &[][..], false),
            (None, &["LocalHost"], true),
            (None, &["LocalHost"], false),
            (Some("LocalHost"), &["proxy.example"], true),
        ] {
            let resolver = resolver(issuer, others, is_behind_proxies);
            assert!(resolver.resolve(localhost()).await.is_ok());
            assert_eq!(
                resolver.networks.allows(IpAddr::from([10, 0, 0, 1])),
                issuer.is_some() && is_behind_proxies,
                "{issuer:?} {others:?}"
            );
        }
    }
}

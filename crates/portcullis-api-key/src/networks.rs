use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use portcullis_core::ConfigError;

/// The networks that a key may be used from, as CIDR blocks (RFC 4632, RFC 4291 §2.3); all by default.
///
/// The address is that of the connection's peer. Behind a proxy that is the proxy's address, unless your service replaces it.
/// An IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`) counts as the IPv4 address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Box<[IpNet]>);

impl Networks {
    /// The most networks of a key.
    const MAX: usize = 64;

    /// Parses blocks such as `192.0.2.0/24` and `2001:db8::/32`, or single addresses. None allows all.
    ///
    /// # Errors
    ///
    /// When a text is not a block or address, a block has bits after its prefix, or there are more than 64.
    pub fn parse<T: AsRef<str>>(blocks: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        let parse = |block: T| parse_block(block.as_ref());
        let blocks = blocks
            .into_iter()
            .map(parse)
            .collect::<Result<Box<[_]>, _>>()?;
        match blocks.len() <= Self::MAX {
            true => Ok(Self(blocks)),
            false => Err(invalid(format!("give at most {} networks", Self::MAX))),
        }
    }

    /// Whether all addresses are allowed.
    #[must_use]
    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of the networks.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.are_all() || self.0.iter().any(|network| network.contains(&address))
    }

    /// The networks as text.
    pub fn iter(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(IpNet::to_string)
    }
}

fn parse_block(text: &str) -> Result<IpNet, ConfigError> {
    let network = match IpAddr::from_str(text) {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(|_| {
            invalid("write a network such as 192.0.2.0/24, or an address".to_owned())
        })?,
    };
    match network == network.trunc() {
        true => Ok(network),
        false => Err(invalid(format!(
            "{network} has bits after its prefix: write {}",
            network.trunc()
        ))),
    }
}

fn invalid(problem: String) -> ConfigError {
    ConfigError::new("networks", problem)
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_compared_with_each_network() {
        let networks = Networks::parse(["192.0.2.0/24", "2001:db8::1"]).expect("networks");
        for (address, is_allowed) in [
            ("192.0.2.9", true),
            ("::ffff:192.0.2.9", true),
            ("192.0.3.9", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(networks.contain(address), is_allowed, "{address}");
            assert!(Networks::default().contain(address));
        }
    }

    #[test]
    fn malformed_network_is_rejected() {
        for bad in [
            "",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "localhost",
            "192.0.2",
            "::/129",
        ] {
            assert_eq!(Networks::parse([bad]).expect_err(bad).setting(), "networks");
        }
        assert!(Networks::parse(["192.0.2.1"; 65]).is_err());
    }
}

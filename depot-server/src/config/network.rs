//! A range of addresses, as an administrator writes it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single `192.0.2.7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a range cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of addresses: write one such as 10.0.0.0/8, fd00::/8 or 192.0.2.7")]
pub struct NetworkError(String);

impl Network {
    /// Whether the address is in the range. An IPv4 address in IPv6 form is what it stands for.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                own.to_bits() & self.mask4() == other.to_bits() & self.mask4()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                own.to_bits() & self.mask6() == other.to_bits() & self.mask6()
            }
            _ => false,
        }
    }

    /// Whether it is a range of IPv4 addresses.
    pub(super) fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// How many leading bits its addresses share.
    pub(super) fn prefix(&self) -> u8 {
        self.prefix
    }

    fn mask4(&self) -> u32 {
        u32::MAX.checked_shl(Ipv4Addr::BITS - u32::from(self.prefix)).unwrap_or(0)
    }

    fn mask6(&self) -> u128 {
        u128::MAX.checked_shl(Ipv6Addr::BITS - u32::from(self.prefix)).unwrap_or(0)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || NetworkError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), |prefix| prefix.parse().map_err(|_| error()))?;
        if prefix > most { Err(error()) } else { Ok(Self { address, prefix }) }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_what_shares_its_prefix() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address} in {network}");
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0", "10.0.0.0/", "example.org", "10.0.0.0/8/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}

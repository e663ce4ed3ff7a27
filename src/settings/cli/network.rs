//! Machines by their addresses: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::passed_on::passed_on_as_text;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether that address is one of them. An IPv4 address is the same in its IPv6 form.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                let different = one.to_bits() ^ other.to_bits();
                different.leading_zeros() >= self.bits
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                let different = one.to_bits() ^ other.to_bits();
                different.leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "`{text}`: an address such as 10.0.0.7 or a network such as 10.0.0.0/8 is expected"
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse().map_err(|_| expected())?,
        };
        if bits > most {
            return Err(expected());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

passed_on_as_text!(Network);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.200.3.4", "11.0.0.1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("10.0.0.7", "::ffff:10.0.0.7", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
        ] {
            let network: Network = network.parse().expect("a network");
            assert!(
                network.has(inside.parse().expect("an address")),
                "{network} {inside}"
            );
            assert!(
                !network.has(outside.parse().expect("an address")),
                "{network} {outside}"
            );
        }
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(all.has([1, 2, 3, 4].into()) && !all.has("::1".parse().expect("an address")));
    }

    #[test]
    fn anything_but_a_network_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "host",
            "::/129",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}

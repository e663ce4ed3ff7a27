//! The addresses that other machines reach this one at, whatever they are used for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// Those of interfaces that are up, IPv4 first. Neither loopback, nor an IPv6 address that is only good with the
/// name of an interface (RFC 4291, section 2.5.6), which no browser takes.
pub fn of_this_machine() -> io::Result<Vec<IpAddr>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the pointer is to a local.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    // SAFETY: a list of the C library's, whose last entry has a null pointer; it is freed once, after the last use.
    unsafe {
        while let Some(entry) = next.as_ref() {
            let is_up = entry.ifa_flags & libc::IFF_UP.cast_unsigned() != 0;
            found.extend(address(entry.ifa_addr).filter(|address| is_up && is_reached(address)));
            next = entry.ifa_next;
        }
        libc::freeifaddrs(first);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The IP address in a C structure; none where it is of another kind.
///
/// # Safety
/// Null, or a pointer to a whole structure of its kind.
unsafe fn address(of: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller's promise; what follows the kind is looked at once that is known. The structures may
    // have a place that suits bytes alone.
    unsafe {
        if of.is_null() {
            return None;
        }
        match i32::from((*of).sa_family) {
            libc::AF_INET => {
                let address: libc::sockaddr_in = ptr::read_unaligned(of.cast());
                Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
            }
            libc::AF_INET6 => {
                let address: libc::sockaddr_in6 = ptr::read_unaligned(of.cast());
                Some(Ipv6Addr::from(address.sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

fn is_reached(address: &IpAddr) -> bool {
    let needs_interface = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    !address.is_loopback() && !needs_interface
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_can_be_listened_at_and_none_is_of_this_machine_alone() {
        for address in of_this_machine().expect("a list") {
            assert!(!address.is_loopback(), "{address}");
            std::net::TcpListener::bind((address, 0)).expect("an address of this machine");
        }
    }
}

//! The IP addresses at which other machines can reach this one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// The addresses of all interfaces that are up, IPv4 first. Loopback addresses are left out, and link-local IPv6
/// addresses (RFC 4291, section 2.5.6): those need the name of an interface, which browsers do not accept.
pub fn of_this_machine() -> io::Result<Vec<IpAddr>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the pointer is to a local.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = first;
    // SAFETY: the C library made the list, whose last entry has a null pointer; it is freed once, after the last use.
    unsafe {
        while let Some(entry) = next.as_ref() {
            let is_up = entry.ifa_flags & libc::IFF_UP.cast_unsigned() != 0;
            found.extend(address(entry.ifa_addr).filter(|address| is_up && is_reached(address)));
            next = entry.ifa_next;
        }
        libc::freeifaddrs(first);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The IP address in a C structure; `None` for other address families.
///
/// # Safety
/// The pointer is null, or points to a complete structure of its address family.
unsafe fn address(of: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: as the caller promises; the rest is read only after the family is known. The structure may be
    // unaligned.
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

//! An image of another boot, kernel, processor or user is none for this one.

use super::Site;
use super::broken::{forge, made};
pub(super) use image::format::Head;

/// The image with something else in its head, which is whole.
fn with_head(image: &[u8], change: impl FnOnce(&mut Head)) -> Vec<u8> {
    let length = Head::length(image).expect("an image");
    let mut head = Head::decode(&image[..length]).expect("a head");
    change(&mut head);
    let mut head = head.encode();
    let pages = length.next_multiple_of(4096);
    assert!(head.len() <= pages, "the pages stay where they are");
    head.resize(pages, 0);
    [&head, &image[pages..]].concat()
}

#[track_caller]
fn is_refused(site: &Site, image: &[u8], reason: &str) {
    forge(&site.image(), image);
    assert_eq!(site.cold(reason), "cold");
}

#[test]
fn each_property_of_the_machine_counts() {
    let (site, image) = made();
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").expect("Linux has one");
    let kernel = rustix::system::uname();
    // Each part begins with its length, in 4 bytes. What the processor can do comes last.
    let kernel = (4 + boot.len() + 4, kernel.release().to_bytes().len());
    let before_a_reboot = "the image was made before a reboot or on another machine";
    for (place, says) in [
        (4, before_a_reboot),
        (4 + boot.len() - 2, before_a_reboot),
        (kernel.0, "the image was made with another kernel ("),
        (
            kernel.0 + kernel.1 + 1,
            "the image was made with another kernel (",
        ),
    ] {
        let other = with_head(&image, |head| head.machine[place] ^= 1);
        is_refused(&site, &other, says);
    }
    for from_end in (1..=64).step_by(3) {
        let other = with_head(&image, |head| {
            let place = head.machine.len() - from_end;
            head.machine[place] ^= 1;
        });
        is_refused(&site, &other, "the image was made ");
    }
    forge(&site.image(), &with_head(&image, |_| {}));
    assert_eq!(site.restored(), "restored");
}

#[test]
fn another_clock() {
    let (site, image) = made();
    for (made, reason) in [
        (0, "the image is older than"),
        (u64::MAX / 2, "the image was made in the future"),
    ] {
        let other = with_head(&image, |head| head.made = made);
        is_refused(&site, &other, reason);
    }
}

#[test]
fn a_head_that_contradicts_itself() {
    let (site, image) = made();
    let other = with_head(&image, |head| head.files.clear());
    is_refused(&site, &other, "");
    let other = with_head(&image, |head| head.length += 4096);
    is_refused(&site, &other, "the image is damaged");
    // Two parts of it are at one address.
    let other = with_head(&image, |head| head.regions[1] = head.regions[0].clone());
    is_refused(&site, &other, "the address ");
}

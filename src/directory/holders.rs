//! A set of devices in a small form: who has our sender key of a group. Reference 05 §5.3.
//!
//! A group of 1,024 members has a few thousand devices, and their set is written with every change. So users are
//! numbers, in ascending order, and only their differences are written: about nine bytes per user with its devices.

use alloc::vec::Vec;

use crate::limits::HOLDERS_MAX;
use crate::wire::Jid;

/// A set of devices. Users whose name is no plain number cannot be in it: they count as lacking the key, and get it
/// with each message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders(Vec<Slot>);

/// One device: whether it is named by LID, the user's number, the device's number.
type Slot = (bool, u64, u16);

impl Holders {
    /// The set of these devices, at most [`HOLDERS_MAX`] of them.
    #[must_use]
    pub fn of<'a, 'b: 'a>(devices: impl IntoIterator<Item = &'a Jid<'b>>) -> Self {
        let mut slots: Vec<Slot> = devices.into_iter().filter_map(slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.truncate(HOLDERS_MAX);
        Self(slots)
    }

    /// Whether a device is in the set.
    #[must_use]
    pub fn has(&self, device: &Jid<'_>) -> bool {
        slot(device).is_some_and(|slot| self.0.binary_search(&slot).is_ok())
    }

    /// Whether any device of a user is in the set.
    #[must_use]
    pub fn has_user(&self, user: &Jid<'_>) -> bool {
        slot(&user.bare()).is_some_and(|(lid, user, _)| {
            let at = self.0.partition_point(|known| *known < (lid, user, 0));
            self.0.get(at).is_some_and(|known| (known.0, known.1) == (lid, user))
        })
    }

    /// Whether every device of this set is in the other one.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|slot| other.0.binary_search(slot).is_ok())
    }

    /// Adds all devices of the other set, up to [`HOLDERS_MAX`].
    pub fn add(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
        self.0.dedup();
        self.0.truncate(HOLDERS_MAX);
    }

    /// Removes a device; says whether it was there.
    pub fn remove(&mut self, device: &Jid<'_>) -> bool {
        let Some(at) = slot(device).and_then(|slot| self.0.binary_search(&slot).ok()) else { return false };
        self.0.remove(at);
        true
    }

    /// How many devices it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The set as bytes: for each user, as varints, `device count << 1 | is LID`, the difference from the user before
    /// (from 0 for the first number and the first LID), and the devices, each as difference from the one before.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len().saturating_mul(6));
        let mut before = (false, 0);
        for devices in self.0.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let Some(&(lid, user, _)) = devices.first() else { continue };
            put(&mut out, (devices.len() as u64) << 1 | u64::from(lid));
            put(&mut out, if before.0 == lid { user.wrapping_sub(before.1) } else { user });
            before = (lid, user);
            let mut last = 0;
            for (_, _, device) in devices {
                put(&mut out, u64::from(device.wrapping_sub(last)));
                last = *device;
            }
        }
        out
    }

    /// Reads [`Self::encode`]; `None` for bytes that it did not write.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let (mut slots, mut before): (Vec<Slot>, _) = (Vec::new(), (false, 0_u64));
        while !bytes.is_empty() {
            let head = take(&mut bytes)?;
            let (lid, count) = (head & 1 == 1, head >> 1);
            let base = if before.0 == lid { before.1 } else { 0 };
            let user = base.checked_add(take(&mut bytes)?)?;
            before = (lid, user);
            let mut device = 0_u16;
            for _ in 0..count {
                device = device.checked_add(u16::try_from(take(&mut bytes)?).ok()?)?;
                let slot = (lid, user, device);
                if slots.last().is_some_and(|last| *last >= slot) || slots.len() >= HOLDERS_MAX {
                    return None;
                }
                slots.push(slot);
            }
        }
        Some(Self(slots))
    }
}

fn slot(device: &Jid<'_>) -> Option<Slot> {
    let lid = device.is_lid();
    let user = device.user();
    let plain = (lid || device.is_pn()) && !user.starts_with('0') && user.len() <= DIGITS_MAX;
    let number = user.bytes().all(|byte| byte.is_ascii_digit()).then(|| user.parse().ok()).flatten();
    number.filter(|_| plain).map(|user| (lid, user, device.device()))
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Digits of a user that fits a number with room to spare; real ones have 15.
const DIGITS_MAX: usize = 18;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::format;

    use super::*;

    fn devices() -> Vec<Jid<'static>> {
        let mut devices: Vec<_> = (0..40_u64)
            .map(|i| Jid::lid(format!("{}", 100_000_000_000_011 + i * 977), (i % 3) as u16))
            .collect();
        devices.extend((0..3).map(|i| Jid::pn("15550001111", i * 40)));
        devices
    }

    #[test]
    fn a_set_comes_back_from_its_bytes() {
        let set = Holders::of(&devices());
        assert_eq!((set.len(), Holders::decode(&set.encode())), (43, Some(set.clone())));
        assert!(devices().iter().all(|device| set.has(device)));
        assert!(!set.has(&Jid::lid("15550001111", 0)), "a number is not the LID with the same digits");
        assert!(set.has_user(&Jid::pn("15550001111", 7)) && !set.has_user(&Jid::pn("15550001112", 0)));
        assert_eq!(Holders::decode(&[]), Some(Holders::default()));
    }

    #[test]
    fn bytes_that_are_no_set_are_refused() {
        let set = Holders::of(&devices()).encode();
        assert_eq!(Holders::decode(&set[..set.len() - 1]), None);
        assert_eq!(Holders::decode(&[0xff; 40]), None);
        assert_eq!(Holders::decode(&[4, 9, 1, 0]), None, "a device twice");
    }

    #[test]
    fn a_thousand_users_take_ten_bytes_each() {
        let users = (1..=1024_u64).map(|i| format!("{}", (i * 7_919_777_333) % 900_000_000_000_000 + 1));
        let devices: Vec<_> =
            users.flat_map(|user| [Jid::lid(user.clone(), 0), Jid::lid(user, 12)]).collect();
        let bytes = Holders::of(&devices).encode();
        assert!(bytes.len() < 10 * 1024, "{}", bytes.len());
    }

    #[test]
    fn who_leaves_and_who_comes_is_seen() {
        let (all, mut some) = (Holders::of(&devices()), Holders::of(&devices()[1..]));
        assert!(some.is_within(&all) && !all.is_within(&some));
        some.add(&Holders::of(&devices()[..1]));
        assert_eq!(some, all);
        assert!(some.remove(&devices()[0]) && !some.remove(&devices()[0]));
        assert!(!some.has(&devices()[0]));
        assert!(Holders::of([&Jid::lid("x1", 0), &Jid::lid("007", 0)]).is_empty());
    }

    #[test]
    fn a_set_has_at_most_holders_max_devices() {
        let users =
            (0..HOLDERS_MAX as u64 + 5).map(|i| Jid::lid(format!("{}", i + 1), 0)).collect::<Vec<_>>();
        let mut set = Holders::of(&users);
        assert_eq!(set.len(), HOLDERS_MAX);
        set.add(&Holders::of([&Jid::pn("15550001111", 0)]));
        assert_eq!((set.len(), Holders::decode(&set.encode()).unwrap().len()), (HOLDERS_MAX, HOLDERS_MAX));
    }
}

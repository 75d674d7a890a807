//! Who is who: devices and identities of users.

pub mod adv;

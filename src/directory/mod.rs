//! Who is where: devices of users, their keys, and the two names of one user.

pub mod adv;
pub(crate) mod bundles;
pub(crate) mod device_change;
pub(crate) mod devices;
pub(crate) mod digest;
pub mod holders;
pub(crate) mod identity_change;
pub(crate) mod lid;
pub(crate) mod own;
pub(crate) mod prekeys;
pub(crate) mod rotation;
pub(crate) mod sender_keys;
pub(crate) mod sessions;
pub(crate) mod tctoken;
pub mod token_time;
pub(crate) mod usync;

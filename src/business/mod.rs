//! Businesses as they change themselves. Reference 08 §4.6.

mod notification;

pub(crate) use notification::notified;

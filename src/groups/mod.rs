//! Groups: what is known of them, kept up to date by queries and by what others change. Reference 11.

pub(crate) mod cache;
mod change;
mod info;
pub mod model;
pub(crate) mod notification;
mod parse;

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests;

pub use info::GroupInfo;
pub use model::{
    Addressing, GroupChange, GroupEvent, GroupMetadata, JoinMethod, LinkKind, LinkedGroup, Member, Role,
};

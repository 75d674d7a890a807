//! How long privacy tokens hold, and what stands in for one that was never given. Reference 05 §11, 12 §10.

use crate::crypto;
use crate::limits::{TOKEN_BUCKET_S, TOKEN_BUCKETS};
use crate::wire::Jid;

/// Whether a token given at `given_s` (seconds since 1970; `None`: never) is too old to be shown at `now_s`: it is
/// of a week before the last [`TOKEN_BUCKETS`].
#[must_use]
pub const fn is_expired(given_s: Option<u64>, now_s: u64) -> bool {
    match given_s {
        Some(given_s) => {
            given_s < (now_s / TOKEN_BUCKET_S).saturating_sub(TOKEN_BUCKETS - 1) * TOKEN_BUCKET_S
        }
        None => true,
    }
}

/// Whether a contact that last got a token at `given_s` (seconds since 1970; `None`: never) should get one at
/// `now_s`: once in each week.
#[must_use]
pub const fn is_due(given_s: Option<u64>, now_s: u64) -> bool {
    match given_s {
        Some(given_s) => now_s / TOKEN_BUCKET_S > given_s / TOKEN_BUCKET_S,
        None => true,
    }
}

/// The `<cstoken>` for a contact that gave no token: HMAC-SHA256 under the account's salt over the bare LID as text.
#[must_use]
pub fn contact_token(salt: &[u8], lid: &Jid<'_>) -> [u8; 32] {
    crypto::mac::hmac_sha256(salt, &[alloc::string::ToString::to_string(&lid.bare()).as_bytes()])
}

//! Ids of stanzas, messages and sessions, made from randomness or times that the caller gives.
//! Reference 03 §15, 01 §9.5.

use alloc::format;
use alloc::string::String;

use super::jid::Jid;
use crate::crypto::mac::sha256;

/// The id of a new message: `3EB0` and 18 upper-case hex digits, a hash of time (unix seconds), own user and
/// 16 random bytes. `own` is the own phone-number JID, absent before the account is known.
pub fn message_id(unix_s: u64, own: Option<&Jid<'_>>, random: &[u8; 16]) -> String {
    let time = unix_s.to_be_bytes();
    let (user, server) = own.map_or(("", ""), |own| (own.user(), "@c.us"));
    let digest = sha256(&[&time, user.as_bytes(), server.as_bytes(), random]);
    let mut id = String::from("3EB0");
    for byte in digest.iter().take(9) {
        for digit in [byte >> 4, byte & 15] {
            id.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
        }
    }
    id
}

/// The kind of client that makes ids of this form: `web`, `ios`, `android`, `desktop`, or `unknown`. A guess: any
/// client may choose any id. Reference 05 §3.
#[must_use]
pub fn made_by(id: &str) -> &'static str {
    match (id.get(..2), id.chars().count()) {
        (Some("3A"), 20) => "ios",
        (Some("3E"), 22) => "web",
        (_, 21 | 32) => "android",
        (Some("3F"), _) | (_, 18) => "desktop",
        _ => "unknown",
    }
}

/// What the ids of one connection's requests start with: two random bytes as `a.b-`, to be followed by a
/// counter.
pub fn request_prefix(random: [u8; 2]) -> String {
    let [first, second] = random;
    format!("{first}.{second}-")
}

/// The id of a `unified_session` notice: where in its week a moment lies, in milliseconds of the server's
/// clock. `now_ms` is unix time here, `offset_ms` what the server's clock is ahead. Reference 01 §9.5.
pub fn unified_session_id(now_ms: u64, offset_ms: i64) -> u64 {
    let moment = i128::from(now_ms) + i128::from(offset_ms) + i128::from(3 * DAY_MS);
    // The remainder is below a week, so the low half is all of it.
    moment.rem_euclid(i128::from(7 * DAY_MS)) as u64
}

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

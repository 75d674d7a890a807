//! The participant hash, version 2: one short digest of a set of devices. Reference 03 §14.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use base64ct::{Base64, Encoding};

use super::jid::Jid;
use crate::crypto::mac::sha256;

/// `2:` and 8 characters of standard base64 over the sorted devices. The order given does not matter;
/// a device given twice counts twice, so the caller removes duplicates.
pub fn participant_hash<'a, 'b: 'a>(devices: impl IntoIterator<Item = &'a Jid<'b>>) -> String {
    let mut forms: Vec<String> = devices.into_iter().map(device_form).collect();
    forms.sort_unstable();
    let parts: Vec<&[u8]> = forms.iter().map(String::as_bytes).collect();
    let digest = sha256(&parts);
    let (head, _) = digest.split_at(6);
    format!("2:{}", Base64::encode_string(head))
}

/// `user.0:device@server`: the device is always written, the agent is always 0.
fn device_form(jid: &Jid<'_>) -> String {
    let server = jid.server().as_str();
    let mut form = String::with_capacity(jid.user().len() + server.len() + MARKS_MAX);
    // A string takes whatever is written to it.
    let _ = write!(form, "{}.0:{}@{server}", jid.user(), jid.device());
    form
}

/// Most bytes of a form beside user and server: `.0:65535@`.
const MARKS_MAX: usize = 9;

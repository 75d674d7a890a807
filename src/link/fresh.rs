//! The keys of a device that was never paired. Reference 01 §7.3, 02 §1.

use alloc::vec;

use crate::crypto::{KeyPair, Secret};
use crate::engine::Turn;
use crate::records::credentials::{Credentials, OwnSignedPreKey};
use crate::signal::{SignedPreKey, registration_id};

/// Makes all of them; they must be durable before anything of them is shown.
pub(super) fn credentials(cx: &mut Turn<'_>) -> Credentials {
    let identity = KeyPair::from_private(cx.entropy.bytes());
    let signed_prekey = SignedPreKey::new(&identity, 1, cx.entropy.bytes(), &cx.entropy.bytes());
    Credentials {
        noise: KeyPair::from_private(cx.entropy.bytes()),
        signed_prekeys: vec![OwnSignedPreKey { key: signed_prekey, since_s: Some(cx.now.unix.seconds()) }],
        new_signed_prekey: None,
        next_signed_prekey_id: None,
        registration_id: registration_id(cx.entropy.bytes()),
        adv_secret: Secret::new(cx.entropy.bytes()),
        identity,
        next_prekey_id: 1,
        first_unuploaded_prekey_id: 1,
        server_has_prekeys: false,
        login_counter: 0,
        routing_info: None,
        me: None,
        account: None,
        platform: None,
        business_name: None,
        push_name: cx.config.profile.push_name.clone(),
        logged_out: None,
    }
}

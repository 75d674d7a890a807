//! What a client tells about itself inside the handshake: to log in, or to register. Reference 01 §7.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message;
use sanswire_proto::whatsapp::client_payload::user_agent::{AppVersion, Platform, ReleaseChannel};
use sanswire_proto::whatsapp::client_payload::web_info::WebSubPlatform;
use sanswire_proto::whatsapp::client_payload::{
    ConnectReason, ConnectType, DevicePairingRegistrationData, UserAgent, WebInfo,
};
use sanswire_proto::whatsapp::device_props::{self, HistorySyncConfig, PlatformType};
use sanswire_proto::whatsapp::{ClientPayload, DeviceProps};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crypto::{PublicKey, mac};
use crate::wire::Jid;

/// Who the client claims to be: what the phone lists under its linked devices, and the version that the
/// server checks.
///
/// The names decide more than the display: `browser` is looked up, without regard to case, among the
/// platform names of the schema for the icon; `Desktop` on `Mac OS` or `Windows` with full history claims to
/// be the desktop application; a name with `android` in it claims an Android phone. Reference 01 §7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Version of WhatsApp Web, as in `2.3000.N`: the server refuses one that is too old.
    pub version: [u32; 3],
    /// Operating system, shown by the phone.
    pub os: String,
    /// Browser, or `Desktop`, or `Android`.
    pub browser: String,
    /// Country as two capital letters.
    pub country: String,
    /// Language as two small letters.
    pub language: String,
    /// Name to announce in the payload; absent when empty.
    pub push_name: Option<String>,
    /// Ask the phone for all of its history when pairing, not just the recent part.
    pub full_history: bool,
    /// Announce that one-to-one chats are addressed by LID. Only true for a client that does so.
    pub lid_migrated: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            version: DEFAULT_VERSION,
            os: "Mac OS".to_string(),
            browser: "Chrome".to_string(),
            country: "US".to_string(),
            language: "en".to_string(),
            push_name: None,
            full_history: false,
            lid_migrated: false,
        }
    }
}

impl Profile {
    /// The default profile under another operating system and browser.
    #[must_use]
    pub fn named(os: &str, browser: &str) -> Self {
        Self { os: os.to_string(), browser: browser.to_string(), ..Self::default() }
    }

    /// The number of the client in QR codes and link codes, one character. Reference 02 §2.2.
    #[must_use]
    pub fn client_type(&self) -> char {
        match self.browser.as_str() {
            "Desktop" if self.os == "Windows" => '8',
            "Desktop" => '7',
            "Chrome" => '1',
            "Edge" => '2',
            "Firefox" => '3',
            "IE" => '4',
            "Opera" => '5',
            "Safari" => '6',
            _ => '9',
        }
    }

    /// `Browser (OS)`, as the phone shows it while a link code is entered. Reference 02 §3.2.
    #[must_use]
    pub fn display(&self) -> String {
        format!("{} ({})", self.browser, self.os)
    }

    /// The platform whose icon the phone shows. Reference 01 §7.3.
    #[must_use]
    pub fn platform_type(&self) -> PlatformType {
        match self.browser.to_ascii_uppercase().as_str() {
            "ANDROID" => PlatformType::AndroidPhone,
            name => match PlatformType::from_str_name(name) {
                None | Some(PlatformType::Unknown) => PlatformType::Chrome,
                Some(known) => known,
            },
        }
    }

    fn is_android(&self) -> bool {
        self.browser.to_ascii_lowercase().contains("android")
    }

    fn web_sub_platform(&self) -> WebSubPlatform {
        match (self.os.as_str(), self.browser.as_str()) {
            ("Mac OS", "Desktop") if self.full_history => WebSubPlatform::Darwin,
            ("Windows", "Desktop") if self.full_history => WebSubPlatform::Win32,
            _ => WebSubPlatform::WebBrowser,
        }
    }

    /// What both payloads have in common. Reference 01 §7.1.
    fn common(&self) -> ClientPayload {
        let [primary, secondary, tertiary] = self.version;
        let platform = if self.is_android() { Platform::Android } else { Platform::Web };
        ClientPayload {
            user_agent: Some(UserAgent {
                platform: Some(platform.into()),
                app_version: Some(AppVersion {
                    primary: Some(primary),
                    secondary: Some(secondary),
                    tertiary: Some(tertiary),
                    ..AppVersion::default()
                }),
                mcc: Some("000".to_string()),
                mnc: Some("000".to_string()),
                os_version: Some("0.1".to_string()),
                device: Some("Desktop".to_string()),
                os_build_number: Some("0.1".to_string()),
                release_channel: Some(ReleaseChannel::Release.into()),
                locale_language_iso6391: Some(self.language.clone()),
                locale_country_iso31661_alpha2: Some(self.country.clone()),
                ..UserAgent::default()
            }),
            web_info: (!self.is_android()).then(|| WebInfo {
                web_sub_platform: Some(self.web_sub_platform().into()),
                ..WebInfo::default()
            }),
            push_name: self.push_name.clone().filter(|name| !name.is_empty()),
            connect_type: Some(ConnectType::WifiUnknown.into()),
            connect_reason: Some(ConnectReason::UserActivated.into()),
            ..ClientPayload::default()
        }
    }

    /// MD5 of the version text, which a registration carries. Reference 01 §7.3.
    #[must_use]
    pub fn build_hash(&self) -> [u8; 16] {
        let [primary, secondary, tertiary] = self.version;
        mac::md5(format!("{primary}.{secondary}.{tertiary}").as_bytes())
    }

    /// What the phone learns about the companion and the history it wants. Reference 01 §7.3.
    #[must_use]
    pub fn device_props(&self) -> DeviceProps {
        DeviceProps {
            os: Some(self.os.clone()),
            version: Some(device_props::AppVersion {
                primary: Some(10),
                secondary: Some(15),
                tertiary: Some(7),
                ..device_props::AppVersion::default()
            }),
            platform_type: Some(self.platform_type().into()),
            require_full_sync: Some(self.full_history),
            history_sync_config: Some(HistorySyncConfig {
                storage_quota_mb: Some(HISTORY_QUOTA_MB),
                inline_initial_payload_in_e2_ee_msg: Some(true),
                support_call_log_history: Some(false),
                support_bot_user_agent_chat_history: Some(true),
                support_cag_reactions_and_polls: Some(true),
                support_biz_hosted_msg: Some(true),
                support_recent_sync_chunk_message_count_tuning: Some(true),
                support_hosted_group_msg: Some(true),
                support_fbid_bot_chat_history: Some(true),
                support_message_association: Some(true),
                support_group_history: Some(false),
                ..HistorySyncConfig::default()
            }),
        }
    }
}

/// Why a login payload cannot be made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The account's JID is not a phone number of at most 64 bits: only those log in.
    #[error("login needs a phone-number jid")]
    NotAPhoneNumber,
}

/// The public halves of what a new device registers with, all made before the first connect.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// Registration id of the Signal identity.
    pub registration_id: u32,
    /// Signal identity key.
    pub identity: &'a PublicKey,
    /// Id of the signed prekey; its lowest 24 bits travel.
    pub signed_prekey_id: u32,
    /// The signed prekey.
    pub signed_prekey: &'a PublicKey,
    /// XEdDSA of the identity key over `05 || signed prekey`.
    pub signature: &'a [u8; 64],
}

/// The encoded payload of a device that is paired. Reference 01 §7.2.
///
/// `jid` is the device's phone-number JID, never its LID; `counter` is the number of logins so far, absent
/// for a client that does not count them.
///
/// # Errors
/// [`PayloadError::NotAPhoneNumber`] when `jid` has no number to log in with.
pub fn login(profile: &Profile, jid: &Jid<'_>, counter: Option<i32>) -> Result<Vec<u8>, PayloadError> {
    let username = jid.user().parse().ok().filter(|_| jid.is_pn()).ok_or(PayloadError::NotAPhoneNumber)?;
    let payload = ClientPayload {
        username: Some(username),
        device: (jid.device() != 0).then(|| u32::from(jid.device())),
        passive: Some(true),
        pull: Some(true),
        lid_db_migrated: Some(profile.lid_migrated),
        lc: counter,
        ..profile.common()
    };
    Ok(payload.encode_to_vec())
}

/// The encoded payload of a device that wants to be paired. Reference 01 §7.3.
#[must_use]
pub fn registration(profile: &Profile, keys: &Registration<'_>) -> Vec<u8> {
    let [_, id @ ..] = keys.signed_prekey_id.to_be_bytes();
    let pairing = DevicePairingRegistrationData {
        e_regid: Some(keys.registration_id.to_be_bytes().to_vec().into()),
        e_keytype: Some([PublicKey::TYPE].to_vec().into()),
        e_ident: Some(keys.identity.as_bytes().to_vec().into()),
        e_skey_id: Some(id.to_vec().into()),
        e_skey_val: Some(keys.signed_prekey.as_bytes().to_vec().into()),
        e_skey_sig: Some(keys.signature.to_vec().into()),
        build_hash: Some(profile.build_hash().to_vec().into()),
        device_props: Some(profile.device_props().encode_to_vec().into()),
    };
    let payload = ClientPayload {
        passive: Some(false),
        pull: Some(false),
        device_pairing_data: Some(pairing),
        ..profile.common()
    };
    payload.encode_to_vec()
}

/// A version that was current when this was written; applications look up newer ones. Reference 01 §7.1.
const DEFAULT_VERSION: [u32; 3] = [2, 3000, 1_043_857_760];

/// Space that we claim to have for history, in megabytes.
const HISTORY_QUOTA_MB: u32 = 10_240;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn login_is_only_for_phone_numbers() {
        let profile = Profile::default();
        for jid in [Jid::lid("100000000000001", 7), Jid::pn("", 7), Jid::pn("1555000x", 7)] {
            assert_eq!(login(&profile, &jid, None), Err(PayloadError::NotAPhoneNumber));
        }
        let payload = login(&profile, &Jid::pn("15550001111", 7), Some(3)).unwrap();
        let payload = ClientPayload::decode(payload.as_slice()).unwrap();
        assert_eq!(payload.username, Some(15_550_001_111));
        assert_eq!((payload.device, payload.lc), (Some(7), Some(3)));
        assert_eq!((payload.passive, payload.pull), (Some(true), Some(true)));
    }

    #[test]
    fn icons_follow_the_browser_name_whatever_its_case() {
        let icon = |browser| Profile::named("Linux", browser).platform_type();
        assert_eq!(icon("firefox"), PlatformType::Firefox);
        assert_eq!(icon("Android"), PlatformType::AndroidPhone);
        assert_eq!(icon("android_tablet"), PlatformType::AndroidTablet);
        assert_eq!(icon("unknown"), PlatformType::Chrome);
        assert_eq!(icon("Brave"), PlatformType::Chrome);
    }

    #[test]
    fn an_empty_push_name_is_not_sent() {
        let profile = Profile { push_name: Some(String::new()), ..Profile::default() };
        assert_eq!(profile.common().push_name, None);
    }
}

//! Client payloads: the exact bytes, and the fields they decode to.

use prost::Message;
use sanswire::crypto::PublicKey;
use sanswire::link::payload::{self, Registration};
use sanswire::wire::Jid;
use sanswire_proto::whatsapp::client_payload::user_agent::Platform;
use sanswire_proto::whatsapp::client_payload::web_info::WebSubPlatform;
use sanswire_proto::whatsapp::client_payload::{DevicePairingRegistrationData, UserAgent};
use sanswire_proto::whatsapp::device_props::PlatformType;
use sanswire_proto::whatsapp::{ClientPayload, DeviceProps};
use serde_json::{Map, Value, json};

use super::{expected, fixed, key, profile};
use crate::vectors::{Case, same, to_hex};

pub(super) fn client_payload(case: &Case) -> Result<(), String> {
    let profile = profile(case);
    let bytes = match case.text("mode") {
        "login" => {
            let jid = Jid::parse(case.text("jid")).map_err(|error| error.to_string())?;
            payload::login(&profile, &jid, None).map_err(|error| error.to_string())?
        }
        "registration" => {
            let number = |name: &str| u32::try_from(case.input[name].as_u64().unwrap()).unwrap();
            payload::registration(
                &profile,
                &Registration {
                    registration_id: number("registration_id"),
                    identity: &PublicKey::new(key(case, "identity_public")),
                    signed_prekey_id: number("signed_prekey_id"),
                    signed_prekey: &PublicKey::new(key(case, "signed_prekey_public")),
                    signature: &fixed(&case.bytes("signed_prekey_signature")),
                },
            )
        }
        mode => return Err(format!("unknown mode {mode:?}")),
    };
    let decoded = ClientPayload::decode(bytes.as_slice()).unwrap();
    same("fields", &fields(&decoded), &case.expected["fields"])?;
    if let Some(pairing) = &decoded.device_pairing_data {
        let props = DeviceProps::decode(pairing.device_props()).unwrap();
        same("device props", &props_fields(&props), &case.expected["device_props"])?;
    }
    same("bytes", &to_hex(&bytes).as_str(), &expected(case, "bytes"))
}

/// An object of those fields that are set.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let set: Map<String, Value> =
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Value::Object(set)
}

fn value<T: Into<Value>>(field: Option<T>) -> Option<Value> {
    field.map(Into::into)
}

fn fields(payload: &ClientPayload) -> Value {
    let web = payload.web_info.as_ref().map(|web| {
        let name = web.web_sub_platform.map(|_| match web.web_sub_platform() {
            WebSubPlatform::WebBrowser => "WEB_BROWSER",
            WebSubPlatform::Darwin => "DARWIN",
            WebSubPlatform::Win32 => "WIN32",
            other => other.as_str_name(),
        });
        object([("webSubPlatform", value(name))])
    });
    object([
        ("username", value(payload.username)),
        ("passive", value(payload.passive)),
        ("userAgent", payload.user_agent.as_ref().map(user_agent)),
        ("webInfo", web),
        ("pushName", value(payload.push_name.clone())),
        ("connectType", payload.connect_type.map(|_| json!(payload.connect_type().as_str_name()))),
        ("connectReason", payload.connect_reason.map(|_| json!(payload.connect_reason().as_str_name()))),
        ("device", value(payload.device)),
        ("devicePairingData", payload.device_pairing_data.as_ref().map(pairing_data)),
        ("lc", value(payload.lc)),
        ("pull", value(payload.pull)),
        ("lidDbMigrated", value(payload.lid_db_migrated)),
    ])
}

fn user_agent(agent: &UserAgent) -> Value {
    let platform = agent.platform.map(|_| match agent.platform() {
        Platform::Web => "WEB",
        Platform::Android => "ANDROID",
        other => other.as_str_name(),
    });
    let version = agent.app_version.as_ref().map(|version| {
        object([
            ("primary", value(version.primary)),
            ("secondary", value(version.secondary)),
            ("tertiary", value(version.tertiary)),
        ])
    });
    object([
        ("platform", value(platform)),
        ("appVersion", version),
        ("mcc", value(agent.mcc.clone())),
        ("mnc", value(agent.mnc.clone())),
        ("osVersion", value(agent.os_version.clone())),
        ("device", value(agent.device.clone())),
        ("osBuildNumber", value(agent.os_build_number.clone())),
        ("releaseChannel", agent.release_channel.map(|_| json!(agent.release_channel().as_str_name()))),
        ("localeLanguageIso6391", value(agent.locale_language_iso6391.clone())),
        ("localeCountryIso31661Alpha2", value(agent.locale_country_iso31661_alpha2.clone())),
    ])
}

fn pairing_data(data: &DevicePairingRegistrationData) -> Value {
    object([
        ("eRegid", Some(json!(to_hex(data.e_regid())))),
        ("eKeytype", Some(json!(to_hex(data.e_keytype())))),
        ("eIdent", Some(json!(to_hex(data.e_ident())))),
        ("eSkeyId", Some(json!(to_hex(data.e_skey_id())))),
        ("eSkeyVal", Some(json!(to_hex(data.e_skey_val())))),
        ("eSkeySig", Some(json!(to_hex(data.e_skey_sig())))),
        ("buildHash", Some(json!(to_hex(data.build_hash())))),
        ("deviceProps", Some(json!(to_hex(data.device_props())))),
    ])
}

fn props_fields(props: &DeviceProps) -> Value {
    let version = props.version.as_ref().map(|version| {
        object([
            ("primary", value(version.primary)),
            ("secondary", value(version.secondary)),
            ("tertiary", value(version.tertiary)),
        ])
    });
    let platform = props.platform_type.map(|number| {
        PlatformType::try_from(number).map_or_else(|_| json!(number), |known| json!(known.as_str_name()))
    });
    let history = props.history_sync_config.as_ref().map(|config| {
        object([
            ("storageQuotaMb", value(config.storage_quota_mb)),
            ("inlineInitialPayloadInE2EeMsg", value(config.inline_initial_payload_in_e2_ee_msg)),
            ("supportCallLogHistory", value(config.support_call_log_history)),
            ("supportBotUserAgentChatHistory", value(config.support_bot_user_agent_chat_history)),
            ("supportCagReactionsAndPolls", value(config.support_cag_reactions_and_polls)),
            ("supportBizHostedMsg", value(config.support_biz_hosted_msg)),
            (
                "supportRecentSyncChunkMessageCountTuning",
                value(config.support_recent_sync_chunk_message_count_tuning),
            ),
            ("supportHostedGroupMsg", value(config.support_hosted_group_msg)),
            ("supportFbidBotChatHistory", value(config.support_fbid_bot_chat_history)),
            ("supportMessageAssociation", value(config.support_message_association)),
            ("supportGroupHistory", value(config.support_group_history)),
        ])
    });
    object([
        ("os", value(props.os.clone())),
        ("version", version),
        ("platformType", platform),
        ("requireFullSync", value(props.require_full_sync)),
        ("historySyncConfig", history),
    ])
}

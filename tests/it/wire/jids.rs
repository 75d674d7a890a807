//! JIDs, Signal addresses, participant hashes and ids: the vectors of the reference.

use sanswire::wire::{Jid, OwnedJid, SignalAddress, ids, participant_hash, sender_key_name};
use serde_json::{Value as Json, json};

use crate::vectors::{Case, check, same};

#[test]
fn jids_match_the_reference_vectors() {
    check("jids.json", |case| match case.op() {
        "parse" => parse(case),
        "normalize" => text(case, &jid(case.text("text"))?.normalized()),
        "same_user" => {
            let same_user = jid(case.text("a"))?.same_user(&jid(case.text("b"))?);
            same("same user", &json!(same_user), &case.expected["same"])
        }
        "kind" => kind(case),
        "is_bot" => same("bot", &json!(jid(case.text("text"))?.is_bot()), &case.expected["bot"]),
        "transfer_device" => text(case, &jid(case.text("from"))?.transfer_device(&jid(case.text("to"))?)),
        "signal_address" => signal_address(case),
        "sender_key_name" => key_name(case),
        "phash" => phash(case),
        "message_id" => message_id(case),
        "request_prefix" => {
            let random = case.bytes("random");
            let prefix = ids::request_prefix([random[0], random[1]]);
            same("prefix", &json!(prefix), &case.expected["whatsmeow"])
        }
        op => Err(format!("unknown op {op:?}")),
    });
}

fn jid(text: &str) -> Result<Jid<'_>, String> {
    Jid::parse(text).map_err(|error| format!("{text}: {error}"))
}

fn text(case: &Case, jid: &Jid<'_>) -> Result<(), String> {
    same("text", &json!(jid.to_string()), &case.expected["text"])
}

fn parse(case: &Case) -> Result<(), String> {
    let parsed = Jid::parse(case.text("text"));
    if let Some(class) = case.error() {
        return same("error", &parsed.map_err(|error| error.class()), &Err(class));
    }
    let parsed = parsed.map_err(|error| error.to_string())?;
    same("user", &json!(parsed.user()), &case.expected["user"])?;
    same("server", &json!(parsed.server().as_str()), &case.expected["server"])?;
    same("device", &json!(parsed.device()), &case.expected["device"])?;
    let integrator = case.expected.get("integrator").cloned().unwrap_or_else(|| json!(0));
    same("integrator", &json!(parsed.integrator()), &integrator)?;
    text(case, &parsed)?;
    same("text read again", &Jid::parse(&parsed.to_string()), &Ok(parsed.borrowed()))
}

fn kind(case: &Case) -> Result<(), String> {
    let jid = jid(case.text("text"))?;
    let kinds = case.expected.as_object().ok_or("kinds are an object")?;
    for (name, expected) in kinds {
        let actual = match name.as_str() {
            "pn" => jid.is_pn(),
            "lid" => jid.is_lid(),
            "group" => jid.is_group(),
            "broadcast" => jid.is_broadcast(),
            "status" => jid.is_status(),
            "newsletter" => jid.is_newsletter(),
            "hosted_pn" => jid.is_hosted() && jid.server().as_str() == "hosted",
            "hosted_lid" => jid.is_hosted() && jid.server().as_str() == "hosted.lid",
            other => return Err(format!("unknown kind {other:?}")),
        };
        same(name, &json!(actual), expected)?;
    }
    Ok(())
}

fn signal_address(case: &Case) -> Result<(), String> {
    let jid = jid(case.text("text"))?;
    let address = SignalAddress::of(&jid);
    if let Some(class) = case.error() {
        return same("error", &address.map_err(|error| error.class()), &Err(class));
    }
    let address = address.map_err(|error| error.to_string())?;
    same("name", &json!(address.name), &case.expected["name"])?;
    same("device", &json!(address.device), &case.expected["device"])?;
    same("dotted", &json!(address.to_string()), &case.expected["baileys"])?;
    same("with colon", &json!(address.colon_text()), &case.expected["whatsmeow"])?;
    let web = SignalAddress::web_text(&jid).map_err(|error| error.to_string())?;
    same("web form", &json!(web), &case.expected["whatsapp_rust"])
}

fn key_name(case: &Case) -> Result<(), String> {
    let (group, sender) = (jid(case.text("group"))?, jid(case.text("sender"))?);
    let address = SignalAddress::of(&sender).map_err(|error| error.to_string())?;
    same("name", &json!(sender_key_name(&group, &address)), &case.expected["baileys"])?;
    let web = SignalAddress::web_text(&sender).map_err(|error| error.to_string())?;
    same("web form", &json!(format!("{group}:{web}")), &case.expected["whatsapp_rust"])
}

fn phash(case: &Case) -> Result<(), String> {
    let devices = case.input["devices"].as_array().ok_or("devices are a list")?;
    let devices: Vec<OwnedJid> = devices
        .iter()
        .map(|device| jid(device.as_str().unwrap()).map(Jid::into_owned))
        .collect::<Result<_, _>>()?;
    same("hash", &json!(participant_hash(&devices)), &case.expected["phash"])
}

fn message_id(case: &Case) -> Result<(), String> {
    let own = match &case.input["me"] {
        Json::String(text) => Some(jid(text)?),
        _ => None,
    };
    let random: [u8; 16] = case.bytes("random").try_into().map_err(|_| "16 random bytes")?;
    let unix_s = case.input["timestamp"].as_u64().ok_or("timestamp")?;
    same("id", &json!(ids::message_id(unix_s, own.as_ref(), &random)), &case.expected["id"])
}

#[test]
fn legacy_names_equal_current_ones() {
    let legacy = Jid::parse("15550001111@c.us").unwrap();
    assert_eq!(legacy, Jid::pn("15550001111", 0));
    assert_eq!(legacy.cmp(&Jid::pn("15550001111", 0)), core::cmp::Ordering::Equal);
    assert_eq!(legacy.normalized().to_string(), "15550001111@s.whatsapp.net");
    assert!(!legacy.is_pn() && legacy.normalized().is_pn());
    assert_ne!(legacy, Jid::pn("15550001111", 1));
}

#[test]
fn texts_between_jid_and_something_else_are_refused_or_kept() {
    for text in [
        "15550001111.5@s.whatsapp.net",
        "123.4@lid",
        "1.0.0@lid",
        "1555.x:3@s.whatsapp.net",
        "15550001111:+3@lid",
        "15550001111:@lid",
        "x:0@g.us",
        "x:1@newsletter",
        "x:1@c.us",
        ".0@lid",
        "_1@lid",
        "-5@interop",
        "1-@interop",
        "1-2:65536@interop",
        "5:65536@msgr",
        "5:@msgr",
        "a@b@c",
        "a@",
        "@@",
        "whatsapp.net",
    ] {
        assert!(Jid::parse(text).is_err(), "{text}");
    }
    for (text, same) in [
        ("x:1@example.invalid", "x:1@example.invalid"),
        ("1555_1@c.us", "1555_1@c.us"),
        ("15550001111.0@s.whatsapp.net", "15550001111@s.whatsapp.net"),
        ("1_129:99@hosted.lid", "1:99@hosted.lid"),
        ("0-5@interop", "0-5@interop"),
        ("@interop", "@interop"),
        ("call", "@call"),
        ("5:65535@msgr", "5:65535@msgr"),
    ] {
        assert_eq!(Jid::parse(text).map(|jid| jid.to_string()).as_deref(), Ok(same));
    }
}

#[test]
fn jids_are_text_in_serde() {
    let jid: OwnedJid = serde_json::from_str("\"15550001111:3@s.whatsapp.net\"").unwrap();
    assert_eq!(jid, Jid::pn("15550001111", 3));
    assert_eq!(serde_json::to_string(&jid).unwrap(), "\"15550001111:3@s.whatsapp.net\"");
    assert!(serde_json::from_str::<OwnedJid>("\"nobody\"").is_err());
}

#[test]
fn signal_addresses_need_a_user() {
    assert_eq!(SignalAddress::of(&Jid::SERVER).map_err(|error| error.class()), Err("bad_jid"));
    assert!(SignalAddress::web_text(&Jid::pn("1", 99)).is_err());
}

//! Plays the conversations of `signal.json`: both sides with the given keys, operation by operation.

use sanswire::signal::{Ciphertext, CiphertextKind, SessionRecord, SessionState, encrypt};
use serde_json::Value;

use super::cases::{bundle, hex_is, id, local, prekeys, public, signed_prekeys};
use super::{Device, Listed};
use crate::vectors::{Case, hex, same};

/// Plays one conversation to its end.
pub(crate) fn play(case: &Case) -> Result<(), String> {
    let mut stage = Stage {
        exact: case.input["encrypt_exact"].as_bool().unwrap(),
        a: Side::new(&case.input["side_a"]),
        b: Side::new(&case.input["side_b"]),
    };
    let ops = case.input["ops"].as_array().unwrap();
    let results = case.expected["results"].as_array().unwrap();
    same("number of results", &results.len(), &ops.len())?;
    for (at, (op, expected)) in ops.iter().zip(results).enumerate() {
        let name = op["op"].as_str().unwrap();
        stage.step(name, op, expected).map_err(|reason| format!("op {at} ({name}): {reason}"))?;
    }
    Ok(())
}

struct Stage {
    /// Whether every ciphertext is reproduced; otherwise which session is current may differ.
    exact: bool,
    a: Side,
    b: Side,
}

struct Side {
    device: Device,
    /// Whether all ciphertexts of this side so far were reproduced, so that its sending chains agree.
    in_step: bool,
}

impl Side {
    fn new(side: &Value) -> Self {
        let device = Device {
            local: local(side),
            signed_prekeys: signed_prekeys(side),
            prekeys: prekeys(side),
            record: SessionRecord::new(),
        };
        Self { device, in_step: true }
    }
}

impl Stage {
    fn side(&mut self, name: &Value) -> &mut Side {
        match name.as_str() {
            Some("side_a") => &mut self.a,
            Some("side_b") => &mut self.b,
            other => panic!("no side {other:?}"),
        }
    }

    fn step(&mut self, name: &str, op: &Value, expected: &Value) -> Result<(), String> {
        let exact = self.exact;
        let side = self.side(&op["by"].as_str().map_or_else(|| op["of"].clone(), Into::into));
        match name {
            "init" => init(side, op, expected),
            "encrypt" => send(side, exact, op, expected),
            "decrypt" => receive(side, op, expected),
            "drop_prekey" => {
                side.device.prekeys.retain(|key| key.id != id(&op["id"]));
                Ok(())
            }
            "snapshot" => compare(side, exact, expected),
            other => Err(format!("unknown operation {other:?}")),
        }
    }
}

fn init(side: &mut Side, op: &Value, expected: &Value) -> Result<(), String> {
    let mut draw = keys(op);
    let before = side.device.record.clone();
    let outcome = side.device.record.initiate(&side.device.local, &bundle(&op["bundle"]), &mut draw);
    match (outcome, expected["error"].as_str()) {
        (Ok(()), None) => same("keys are used up", &draw.is_used_up(), &true),
        (Err(error), Some(class)) => {
            same("record is unchanged", &(side.device.record == before), &true)?;
            same("error", &error.class(), &class)
        }
        (outcome, class) => Err(format!("gave {outcome:?}, expected error {class:?}")),
    }
}

fn send(side: &mut Side, exact: bool, op: &Value, expected: &Value) -> Result<(), String> {
    let plaintext = hex(op["plaintext"].as_str().unwrap());
    if let Some(class) = expected["error"].as_str() {
        let outcome = encrypt(&mut side.device.record, &plaintext);
        return same("error", &outcome.map_err(|error| error.class()), &Err(class));
    }
    // Where another session is current with the reference, only the ciphertext is taken from it.
    let bytes = hex(expected["ciphertext"].as_str().unwrap());
    let same_session = side.device.record.current().is_some_and(|session| {
        let ratchet = session.parts().ratchet.public.serialized();
        bytes.windows(ratchet.len()).any(|window| window == ratchet)
    });
    if !exact && !same_session {
        side.in_step = false;
        return Ok(());
    }
    let sent = side.device.encrypt(&plaintext);
    let reproduced = same("type", &sent.kind.as_str(), &expected["type"].as_str().unwrap())
        .and_then(|()| hex_is("ciphertext", &sent.bytes, &expected["ciphertext"]));
    side.in_step &= reproduced.is_ok();
    if exact { reproduced } else { Ok(()) }
}

fn receive(side: &mut Side, op: &Value, expected: &Value) -> Result<(), String> {
    let kind = match op["type"].as_str() {
        Some("pkmsg") => CiphertextKind::PreKey,
        Some("msg") => CiphertextKind::Message,
        other => return Err(format!("unknown type {other:?}")),
    };
    let ciphertext = Ciphertext { kind, bytes: hex(op["ciphertext"].as_str().unwrap()) };
    let before = (side.device.record.clone(), side.device.prekeys.clone());
    let mut draw = keys(op);
    match (side.device.decrypt(&ciphertext, &mut draw), expected["error"].as_str()) {
        (Ok(plaintext), None) => {
            hex_is("plaintext", &plaintext, &expected["plaintext"])?;
            same("keys are used up", &draw.is_used_up(), &true)
        }
        (Err(error), Some(class)) => {
            let after = (side.device.record.clone(), side.device.prekeys.clone());
            same("nothing changed", &(before == after), &true)?;
            same("error", &error.class(), &class)
        }
        (Ok(_), Some(class)) => Err(format!("decrypted, expected {class}")),
        (Err(error), None) => Err(format!("refused: {error}")),
    }
}

/// Compares what a snapshot promises: of the open session root key, previous counter, sending chain and
/// newest receiving chain; and the prekeys left.
fn compare(side: &Side, exact: bool, expected: &Value) -> Result<(), String> {
    let left: Vec<u32> = side.device.prekeys.iter().map(|key| key.id).collect();
    let expected_left = expected["prekeys_left"].as_array().unwrap().iter().map(id).collect();
    same("prekeys_left", &left, &expected_left)?;
    let sessions = expected["sessions"].as_array().unwrap();
    let Some(open) = sessions.iter().find(|session| session["open"] == true) else { return Ok(()) };
    let base_key = public(open, "base_key");
    let record = &side.device.record;
    let ours = if exact {
        record.current().filter(|session| *session.base_key() == base_key)
    } else {
        record.current().into_iter().chain(record.archived()).find(|session| *session.base_key() == base_key)
    };
    let ours = ours.ok_or("the open session is missing")?;
    compare_session(ours, side.in_step, open)
}

fn compare_session(ours: &SessionState, in_step: bool, open: &Value) -> Result<(), String> {
    let parts = ours.parts();
    same("remote identity", &parts.remote_identity, &public(open, "remote_identity"))?;
    same("registration id", &parts.remote_registration_id, &id(&open["remote_registration_id"]))?;
    hex_is("root_key", parts.root.expose(), &open["root_key"])?;
    hex_is("our ratchet key", &parts.ratchet.public.serialized(), &open["our_ratchet_public"])?;
    let chains = open["chains"].as_array().unwrap();
    if in_step {
        same("previous_counter", &parts.previous_counter, &id(&open["previous_counter"]))?;
        let sending = chains.iter().find(|chain| chain["kind"] == "sending").ok_or("no sending chain")?;
        hex_is("sending ratchet", &parts.ratchet.public.serialized(), &sending["ratchet_public"])?;
        same("sending index", &parts.sending.index(), &id(&sending["next_index"]))?;
        hex_is("sending chain key", parts.sending.key().expose(), &sending["chain_key"])?;
        compare_pending(ours, &open["pending_prekey"])?;
    }
    let Some(newest) = chains.iter().rfind(|chain| chain["kind"] == "receiving") else { return Ok(()) };
    let chain = parts.receiving.last().ok_or("no receiving chain")?;
    same("receiving ratchet", &chain.ratchet, &public(newest, "ratchet_public"))?;
    same("receiving index", &chain.next.index(), &id(&newest["next_index"]))?;
    if newest["chain_key"].is_string() {
        hex_is("receiving chain key", chain.next.key().expose(), &newest["chain_key"])?;
    }
    Ok(())
}

fn compare_pending(ours: &SessionState, expected: &Value) -> Result<(), String> {
    let Some(pending) = ours.parts().pending_prekey else {
        return same("pending prekey", &expected.is_null(), &true);
    };
    same("pending prekey", &expected.is_object(), &true)?;
    same(
        "pending prekey id",
        &pending.prekey_id,
        &expected["prekey_id"].as_u64().map(|id| id.try_into().unwrap()),
    )?;
    same("pending signed prekey id", &pending.signed_prekey_id, &id(&expected["signed_prekey_id"]))
}

fn keys(op: &Value) -> Listed {
    let key = |key: &Value| hex(key.as_str().unwrap()).try_into().unwrap();
    Listed::new(op["keys"].as_array().into_iter().flatten().map(key))
}

//! The upkeep of own keys: another signed prekey now and then, and what the server has of them.

use core::time::Duration;

use prost::Message as _;
use sanswire::crypto::PublicKey;
use sanswire::limits::{
    DIGEST_PREKEYS, PREKEYS_TOP_UP, ROTATION_LOOK_S, ROTATION_RETRY_S, SIGNED_PREKEY_DAYS,
};
use sanswire::signal::bundle_digest;
use sanswire::wire::{Jid, Node, OwnedJid};
use sanswire::{Found, Table, Want};
use sanswire_proto::records::{Credentials, PreKey};
use sanswire_sim::check;
use sanswire_sim::script::{Peer, Script};
use sanswire_sim::server::{Fault, Target};
use sanswire_sim::world::{Who, World};

const TICK: Duration = Duration::from_millis(1);

const fn days(days: u32) -> Duration {
    Duration::from_secs(days as u64 * 86_400)
}

fn bob() -> OwnedJid {
    Jid::pn("15550000002", 0).into_owned()
}

fn stored(script: &Script) -> Credentials {
    let want = Want::Get { table: Table::Credentials, key: Vec::new() };
    match script.storage.read(&[want]).pop() {
        Some(Found::Value(Some(value))) => Credentials::decode(&value[1..]).unwrap(),
        other => panic!("no credentials: {other:?}"),
    }
}

fn prekeys(script: &Script) -> Vec<PreKey> {
    let want = Want::Scan { table: Table::PreKey, from: Vec::new(), limit: u32::MAX };
    match script.storage.read(&[want]).pop() {
        Some(Found::Rows(rows)) => {
            rows.iter().map(|(_, value)| PreKey::decode(&value[1..]).unwrap()).collect()
        }
        other => panic!("no rows: {other:?}"),
    }
}

fn number(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

/// What was sent so far, with this child; the rest is forgotten.
fn take(script: &mut Script, child: &str) -> Vec<Node<'static>> {
    script.sent().into_iter().filter(|node| node.find(child).is_some()).collect()
}

fn refuse(script: &mut Script, iq: &Node<'_>, code: u32) {
    let error = Node::new("error").attr("code", u64::from(code)).attr("text", "no");
    let answer = Node::new("iq").attr("from", Jid::SERVER).attr("type", "error").attr_opt("id", iq.get("id"));
    script.send(&answer.child(error));
}

/// Drops the connection and logs in again.
fn again(script: &mut Script) {
    script.close();
    script.advance(Duration::from_secs(2));
    script.log_in();
}

fn is_read(script: &mut Script, peer: &mut Peer, id: &str) -> bool {
    let message = peer.text(id, id);
    script.send(&message);
    script.received().iter().any(|received| received.id == id)
}

/// A ready client whose signed prekey is old, and the rotation that it sent.
fn rotating(seed: u64) -> (Script, Node<'static>) {
    let mut script = Script::ready(seed);
    script.jump(days(SIGNED_PREKEY_DAYS));
    again(&mut script);
    let mut rotations = take(&mut script, "rotate");
    assert_eq!(rotations.len(), 1);
    (script, rotations.remove(0))
}

#[test]
fn a_signed_prekey_is_replaced_when_its_days_are_over() {
    let mut script = Script::ready(1);
    script.jump(days(SIGNED_PREKEY_DAYS) - Duration::from_secs(60));
    again(&mut script);
    assert!(take(&mut script, "rotate").is_empty());
    script.jump(Duration::from_secs(60));
    again(&mut script);
    assert_eq!(take(&mut script, "rotate").len(), 1);
}

#[test]
fn the_age_of_the_signed_prekey_is_looked_at_while_the_connection_stands() {
    let mut script = Script::ready(2);
    script.jump(days(365));
    script.advance(Duration::from_secs(ROTATION_LOOK_S) - TICK);
    assert!(take(&mut script, "rotate").is_empty());
    script.advance(TICK);
    let rotations = take(&mut script, "rotate");
    assert_eq!(rotations.len(), 1);
    script.answer(&rotations[0], None);
    script.advance(Duration::from_secs(ROTATION_LOOK_S));
    assert!(take(&mut script, "rotate").is_empty(), "young again");
}

#[test]
fn messages_under_the_old_and_the_new_signed_prekey_are_read() {
    let (mut script, rotation) = rotating(3);
    let (mut old, mut new) = (script.peer(bob()), script.peer(Jid::pn("15550000003", 0).into_owned()));
    let mut early = script.peer(Jid::pn("15550000004", 0).into_owned());
    early.begin_with(&rotation);
    assert!(is_read(&mut script, &mut early, "before the answer"));
    script.answer(&rotation, None);
    let keys = stored(&script);
    assert_eq!((keys.signed_prekey.unwrap().id(), keys.old_signed_prekeys[0].id()), (2, 1));
    assert_eq!(keys.new_signed_prekey, None);
    new.begin_with(&rotation);
    assert!(is_read(&mut script, &mut old, "old") && is_read(&mut script, &mut new, "new"));
}

#[test]
fn a_rotation_without_an_answer_is_told_again_with_the_same_key() {
    let (mut script, rotation) = rotating(4);
    again(&mut script);
    let second = take(&mut script, "rotate").remove(0);
    assert_eq!(second.find("rotate"), rotation.find("rotate"));
    script.restart();
    script.log_in();
    let third = take(&mut script, "rotate").remove(0);
    assert_eq!(third.find("rotate"), rotation.find("rotate"), "after a crash as well");
    script.answer(&third, None);
    again(&mut script);
    assert!(take(&mut script, "rotate").is_empty());
}

#[test]
fn a_rotation_that_is_refused_is_reported_and_told_again_later() {
    let (mut script, rotation) = rotating(5);
    refuse(&mut script, &rotation, 503);
    assert_eq!(script.faults(), ["signed prekey: server refused with code 503: no"]);
    script.advance(Duration::from_secs(ROTATION_RETRY_S) - TICK);
    assert!(take(&mut script, "rotate").is_empty());
    script.advance(TICK);
    assert_eq!(take(&mut script, "rotate").len(), 1);
}

#[test]
fn an_upload_carries_the_new_signed_prekey_and_confirms_it() {
    let (mut script, rotation) = rotating(6);
    let low = Node::new("notification").attr("id", "low").attr("from", Jid::SERVER).attr("type", "encrypt");
    script.send(&low.child(Node::new("count").attr("value", "1")));
    let count = take(&mut script, "count").remove(0);
    script.answer(&count, Some(Node::new("count").attr("value", "1")));
    let upload = take(&mut script, "list").remove(0);
    assert_eq!(upload.find("skey"), rotation.find("rotate").unwrap().find("skey"));
    script.answer(&upload, None);
    assert_eq!(stored(&script).signed_prekey.unwrap().id(), 2);
}

#[test]
fn a_client_that_dies_anywhere_in_a_rotation_is_still_reached_by_everybody() {
    for point in 0..200 {
        let mut world = World::new(7);
        let few = |config: &mut sanswire::Config| config.first_prekeys = 10;
        let (alice, bob) = (world.client_with("Alice", few), world.client_with("Bob", few));
        world.pair(alice);
        world.pair(bob);
        world.actor(alice).clock_ahead_ms = i64::try_from(days(SIGNED_PREKEY_DAYS).as_millis()).unwrap();
        world.actor(alice).light_fuse(point);
        world.cut(alice);
        world.run_for(Duration::from_secs(10));
        world.send(bob, alice, "still here");
        world.run_for(Duration::from_secs(30));
        assert_eq!(world.texts(alice), ["still here"], "point {point}");
        let burned = world[alice].has_burned();
        world.actor(alice).put_out_fuse();
        world.run_for(Duration::from_secs(60));
        assert!(world.server.violations().is_empty(), "point {point}: {:#?}", world.server.violations());
        let broken = check::check(&world);
        assert!(broken.is_empty(), "point {point}: {broken:?}");
        if !burned {
            assert!(point > 10, "{point} points");
            return;
        }
    }
    panic!("the scenario has no end");
}

/// What an honest server answers about these keys.
fn digest_of(keys: &Credentials, listed: &[PreKey]) -> Node<'static> {
    let signed = keys.signed_prekey.clone().unwrap();
    let public = |bytes: &[u8]| PublicKey::new(bytes.try_into().unwrap());
    let publics: Vec<_> = listed.iter().map(|key| public(key.public())).collect();
    let signature: [u8; 64] = signed.signature().try_into().unwrap();
    let identity = public(keys.identity_public());
    let hash = bundle_digest(&identity, &public(signed.public()), &signature, &publics);
    let skey = Node::new("skey")
        .child(Node::new("id").bytes(number(signed.id())))
        .child(Node::new("value").bytes(signed.public().to_vec()))
        .child(Node::new("signature").bytes(signature.to_vec()));
    let ids = listed.iter().map(|key| Node::new("id").bytes(number(key.id())));
    Node::new("digest")
        .child(Node::new("registration").bytes(keys.registration_id().to_be_bytes().to_vec()))
        .child(Node::new("type").bytes(vec![5]))
        .child(Node::new("identity").bytes(keys.identity_public().to_vec()))
        .child(skey)
        .child(Node::new("list").children(ids))
        .child(Node::new("hash").bytes(hash.to_vec()))
}

/// A ready client that has uploaded prekeys and has started again since; the digest is asked for.
fn asking(seed: u64) -> (Script, Node<'static>) {
    let mut script = Script::configured(seed, |config| config.first_prekeys = 10);
    script.pair();
    script.send(&Node::new("success"));
    let count = script.asked("encrypt");
    script.answer(&count, Some(Node::new("count").attr("value", "0")));
    let upload = script.asked("encrypt");
    script.answer(&upload, None);
    let active = script.asked("passive");
    script.answer(&active, None);
    script.send(&Node::new("ib").child(Node::new("offline").attr("count", "0")));
    assert!(take(&mut script, "digest").is_empty(), "all of it was just uploaded");
    script.restart();
    script.log_in();
    let digest = take(&mut script, "digest").remove(0);
    (script, digest)
}

fn uploads(script: &mut Script) -> Vec<usize> {
    let sent = take(script, "list");
    sent.iter().map(|upload| upload.find("list").unwrap().nodes().len()).collect()
}

fn digest_notification() -> Node<'static> {
    let told = Node::new("notification").attr("id", "differs").attr("from", Jid::SERVER);
    told.attr("type", "encrypt").child(Node::new("digest"))
}

#[test]
fn a_digest_that_fits_leads_to_nothing() {
    let (mut script, asked) = asking(10);
    let digest = digest_of(&stored(&script), &prekeys(&script)[3..]);
    script.answer(&asked, Some(digest));
    assert!(script.sent().is_empty() && script.faults().is_empty(), "{:?}", script.faults());
    again(&mut script);
    assert!(take(&mut script, "digest").is_empty(), "once is enough");
    script.send(&digest_notification());
    assert_eq!(take(&mut script, "digest").len(), 1, "unless the server says so");
}

#[test]
fn a_server_with_other_prekeys_is_given_new_ones_once() {
    let strange = PreKey { id: Some(77), public: Some(vec![9; 32].into()), ..PreKey::default() };
    for spoil in 0..2 {
        let (mut script, asked) = asking(11);
        let mut listed = prekeys(&script);
        match spoil {
            0 => listed.push(strange.clone()),
            _ => listed[4].public = Some(vec![9; 32].into()),
        }
        let digest = digest_of(&stored(&script), &listed);
        script.answer(&asked, Some(digest.clone()));
        assert_eq!(script.faults(), ["the server has other one-time prekeys"]);
        let upload = take(&mut script, "list").remove(0);
        let ids: Vec<_> =
            upload.find("list").unwrap().nodes().iter().map(|key| key.find("id").cloned()).collect();
        assert_eq!(ids.len(), PREKEYS_TOP_UP as usize);
        assert_eq!(ids[0], Some(Node::new("id").bytes(number(11))), "new ones");
        script.answer(&upload, None);
        assert_eq!(stored(&script).first_unuploaded_prekey_id(), 11 + PREKEYS_TOP_UP);
        script.send(&digest_notification());
        let asked = take(&mut script, "digest").remove(0);
        script.answer(&asked, Some(digest));
        assert!(uploads(&mut script).is_empty(), "a server that stays wrong is not fed for ever");
    }
}

#[test]
fn a_server_that_has_nothing_is_given_everything() {
    for kind in 0..2 {
        let (mut script, asked) = asking(12);
        match kind {
            0 => refuse(&mut script, &asked, 404),
            _ => script.answer(&asked, None),
        }
        assert_eq!(uploads(&mut script), [10]);
    }
}

#[test]
fn a_refused_digest_is_asked_for_at_the_next_login() {
    let (mut script, asked) = asking(13);
    refuse(&mut script, &asked, 503);
    assert!(uploads(&mut script).is_empty() && script.faults().is_empty());
    again(&mut script);
    assert_eq!(take(&mut script, "digest").len(), 1);
}

#[test]
fn a_malformed_digest_is_a_fault_and_nothing_else() {
    let spoiled = ["registration", "identity", "skey", "list", "hash"];
    for child in spoiled {
        let (mut script, asked) = asking(14);
        let digest = digest_of(&stored(&script), &prekeys(&script));
        let kept = digest.nodes().iter().filter(|node| node.tag != child).cloned();
        script.answer(&asked, Some(Node::new("digest").children(kept)));
        assert!(uploads(&mut script).is_empty(), "{child}");
        assert_eq!(script.faults().len(), 1, "{child}");
        assert!(script.is_alive());
    }
}

#[test]
fn a_digest_is_read_up_to_its_limit() {
    for (listed, fault) in
        [(DIGEST_PREKEYS, "the server has other"), (DIGEST_PREKEYS + 1, "content of <list>")]
    {
        let (mut script, asked) = asking(15);
        let key = PreKey { id: Some(77), public: Some(vec![9; 32].into()), ..PreKey::default() };
        let digest = digest_of(&stored(&script), &vec![key; listed]);
        script.answer(&asked, Some(digest));
        assert!(script.faults()[0].contains(fault), "{listed}: {:?}", script.faults());
    }
}

#[test]
fn keys_of_another_identity_are_only_reported() {
    let (mut script, asked) = asking(16);
    let keys = Credentials { identity_public: Some(vec![9; 32].into()), ..stored(&script) };
    let digest = digest_of(&keys, &prekeys(&script));
    script.answer(&asked, Some(digest));
    assert_eq!(script.faults(), ["the server has keys of another identity for this device"]);
    assert!(script.sent().is_empty());
}

#[test]
fn a_server_with_another_signed_prekey_is_told_of_ours() {
    let (mut script, asked) = asking(17);
    let mut keys = stored(&script);
    keys.signed_prekey.as_mut().unwrap().id = Some(9);
    let digest = digest_of(&keys, &prekeys(&script));
    script.answer(&asked, Some(digest));
    assert_eq!(script.faults(), ["the server has another signed prekey"]);
    let rotation = take(&mut script, "rotate").remove(0);
    let id = rotation.find("rotate").unwrap().find("skey").unwrap().find("id").cloned();
    assert_eq!(id, Some(Node::new("id").bytes(number(1))));
}

#[test]
fn a_digest_that_names_the_new_signed_prekey_confirms_it() {
    let (mut script, asked) = asking(18);
    script.jump(days(SIGNED_PREKEY_DAYS));
    again(&mut script);
    let sent = script.sent();
    assert!(sent.iter().any(|node| node.find("rotate").is_some()));
    let asked = sent.into_iter().find(|node| node.find("digest").is_some()).unwrap_or(asked);
    let mut keys = stored(&script);
    keys.signed_prekey = keys.new_signed_prekey.take();
    let digest = digest_of(&keys, &prekeys(&script));
    script.answer(&asked, Some(digest));
    assert_eq!(stored(&script).signed_prekey.unwrap().id(), 2);
    assert!(script.faults().is_empty());
}

#[test]
fn an_honest_server_and_a_client_that_starts_again_agree() {
    let mut world = World::new(19);
    let (alice, bob) = (world.paired("Alice"), world.paired("Bob"));
    world.send(bob, alice, "one prekey less");
    world.run_for(Duration::from_secs(10));
    world.crash(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(10));
    agree(&world, alice, 811);
    world.server.arm(Fault::RefuseIq("encrypt".to_string(), 404), Target::Anyone, 2);
    world.crash(alice);
    world.restart(alice);
    world.run_for(Duration::from_secs(90));
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
}

fn agree(world: &World, who: Who, prekeys: usize) {
    assert!(world.is_ready(who));
    assert!(world[who].faults().is_empty(), "{:?}", world[who].faults());
    assert!(world.server.violations().is_empty(), "{:#?}", world.server.violations());
    assert_eq!(world[who].storage.count(Table::PreKey), prekeys, "nothing was uploaded");
}

/// A client whose first upload was never answered, connected again; the server has few prekeys of it.
fn unanswered(seed: u64) -> (Script, Node<'static>) {
    let mut script = Script::configured(seed, |config| config.first_prekeys = 10);
    script.pair();
    script.send(&Node::new("success"));
    let count = script.asked("encrypt");
    script.answer(&count, Some(Node::new("count").attr("value", "0")));
    let upload = script.asked("encrypt");
    (script, upload)
}

/// Logs in as far as the next upload, while the server says that it has this many.
fn next_upload(script: &mut Script, count: u32) -> Node<'static> {
    script.close();
    while !script.is_open() {
        script.advance(Duration::from_secs(1));
    }
    script.send(&Node::new("success"));
    let asked = script.asked("encrypt");
    script.answer(&asked, Some(Node::new("count").attr("value", u64::from(count))));
    script.asked("encrypt")
}

fn first_id(upload: &Node<'_>) -> Option<Node<'static>> {
    upload.find("list")?.find("key")?.find("id").map(|id| id.clone().into_owned())
}

#[test]
fn an_upload_of_which_a_key_was_used_has_arrived_and_is_not_sent_again() {
    let (mut script, upload) = unanswered(20);
    let mut peer = script.peer(bob());
    peer.begin_with(&upload);
    assert!(is_read(&mut script, &mut peer, "under a prekey of the upload"));
    let next = next_upload(&mut script, 4);
    assert_eq!(first_id(&next), Some(Node::new("id").bytes(number(11))), "new ones");
}

#[test]
fn an_upload_that_may_have_arrived_and_is_refused_then_is_given_up_once() {
    let (mut script, upload) = unanswered(21);
    let second = next_upload(&mut script, 0);
    assert_eq!(first_id(&second), first_id(&upload), "nothing shows that it has arrived");
    refuse(&mut script, &second, 400);
    let third = next_upload(&mut script, 0);
    assert_eq!(first_id(&third), Some(Node::new("id").bytes(number(11))), "its ids may be in use");
    refuse(&mut script, &third, 400);
    for _ in 0..3 {
        let later = next_upload(&mut script, 0);
        assert_eq!(first_id(&later), first_id(&third), "a server that refuses everything costs no storage");
        refuse(&mut script, &later, 400);
    }
    assert!(script.is_alive());
}

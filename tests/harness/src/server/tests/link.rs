//! Pairing, login, conflict, logout.

use sanswire::wire::Node;

use super::client::TestClient;
use super::*;
use crate::server::{Fault, FirstDevice, Target};

#[test]
fn a_scanned_code_pairs_and_the_device_logs_in() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let success = bench.client("a").take(|node| node.tag == "success").unwrap();
    let (pn, lid) = (bench.client("a").pn(), success.get_jid("lid").unwrap().into_owned());
    assert_eq!((pn.device(), lid.device(), lid.is_lid()), (1, 1, true));
    let end = bench.client("a").take(|node| node.find("offline").is_some()).unwrap();
    assert_eq!(end.find("offline").unwrap().get_u64("count"), Some(0));
    let kinds: Vec<_> =
        bench.client("a").peer.iter().map(|m| m.protocol_message.as_ref().unwrap().r#type()).collect();
    assert_eq!(format!("{kinds:?}"), "[AppStateSyncKeyShare, HistorySyncNotification]");
    bench.no_violations();
}

#[test]
fn one_push_name_is_one_account_with_several_devices() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Alice");
    let (a, b) = (bench.client("a").pn(), bench.client("b").pn());
    assert_eq!((a.user(), a.device(), b.device()), (b.user(), 1, 2));
    let sync = bench.client("a").take(|node| node.get("type").as_deref() == Some("account_sync")).unwrap();
    assert_eq!(sync.find("devices").unwrap().find_all("device").count(), 3);
    bench.no_violations();
}

#[test]
fn in_the_compatibility_layout_the_first_client_is_device_zero() {
    let mut bench = Bench::with(Config { first_device: FirstDevice::Zero, ..Config::default() });
    bench.pair("a", "Alice");
    bench.pair("a2", "Alice");
    bench.pair("b", "Bob");
    assert_eq!((bench.client("a").pn().device(), bench.client("a2").pn().device()), (0, 1));
    assert_eq!(bench.client("a").peer.len(), 2, "the phone shares the address");
    bench.text("b", "a", "hello");
    for name in ["a", "a2"] {
        assert_eq!(bench.client(name).read, [("Bob".to_owned(), "hello".to_owned())]);
    }
    bench.no_violations();
}

#[test]
fn scans_are_refused_with_the_status_of_their_reason() {
    let mut bench = Bench::new();
    bench.clients.insert("a", TestClient::new("a", "Alice"));
    bench.connect("a");
    let qr = bench.client("a").qr();
    let mut scan = |text: &str| bench.server.admin(AdminRequest::ScanQr(text.to_owned()), bench.now).status;
    assert_eq!(scan("nonsense"), 400);
    assert_eq!(scan(&qr.replace("2@", "3@")), 404);
    let mut fields: Vec<&str> = qr.split(',').collect();
    fields[1] = fields[3];
    assert_eq!(scan(&fields.join(",")), 422);
    assert_eq!(scan(&qr), 200);
    assert_eq!(scan(&qr), 409);
}

#[test]
fn a_pairing_that_does_not_verify_makes_no_device() {
    for fault in [Fault::BadPairingHmac, Fault::BadAccountSignature] {
        let mut bench = Bench::new();
        bench.server.arm(fault, Target::Anyone, 1);
        bench.clients.insert("a", TestClient::new("a", "Alice"));
        bench.connect("a");
        let qr = bench.client("a").qr();
        bench.server.admin(AdminRequest::ScanQr(qr), bench.now);
        bench.flow();
        assert!(bench.client("a").is_closed());
        let state = bench.server.admin(AdminRequest::State, bench.now).body;
        assert_eq!(state["accounts"][0]["devices"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn refs_run_out_and_close_the_connection() {
    let mut bench = Bench::new();
    bench.clients.insert("a", TestClient::new("a", "Alice"));
    bench.connect("a");
    bench.pass(Duration::from_secs(159));
    assert!(!bench.client("a").is_closed());
    assert_eq!(bench.server.next_deadline(), Some(bench.now.after(Duration::from_secs(1))));
    bench.pass(Duration::from_secs(1));
    assert!(bench.client("a").is_closed());
    let qr = bench.client("a").qr();
    assert_eq!(bench.server.admin(AdminRequest::ScanQr(qr), bench.now).status, 404);
}

#[test]
fn a_second_login_replaces_the_first() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let old = bench.client("a").conn().unwrap();
    let conn = bench.server.connect(bench.now);
    let root = bench.server.cert_root();
    let mut twin = TestClient::new("a", "Alice");
    twin.pretend(bench.client("a"));
    let hello = twin.connect(conn, root, bench.now);
    bench.clients.insert("twin", twin);
    bench.server.receive(conn, &hello, bench.now);
    bench.flow();
    assert_ne!(old, conn);
    let error = bench.client("a").take(|node| node.tag == "stream:error").unwrap();
    assert_eq!(error.find("conflict").unwrap().get("type").unwrap(), "replaced");
    assert!(bench.client("a").is_closed());
    assert!(bench.client("twin").take(|node| node.tag == "success").is_some());
}

#[test]
fn an_unlinked_device_is_told_and_then_refused() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Alice");
    let (jid, list) = (bench.client("b").pn(), bench.client("a").pn().bare().into_owned());
    let gone = Node::new("remove-companion-device").attr("jid", jid).attr("reason", "user_initiated");
    let result = bench.ask("b", |client| client.iq("set", "md", gone));
    assert_eq!(result.get("type").unwrap(), "result");
    let error = bench.client("b").take(|node| node.tag == "stream:error").unwrap();
    assert_eq!(error.find("conflict").unwrap().get("type").unwrap(), "device_removed");
    bench.connect("b");
    let failure = bench.client("b").take(|node| node.tag == "failure").unwrap();
    assert_eq!(failure.get_u64("reason"), Some(401));
    let answer = bench.ask("a", |client| client.usync(&[list]));
    assert_eq!(bench.client("a").fan_out(&answer).len(), 1, "the phone alone is left");
    bench.no_violations();
}

#[test]
fn a_login_can_be_refused_and_a_frame_cut() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.cut("a");
    bench.server.arm(Fault::LoginFailure(503), Target::Anyone, 1);
    bench.connect("a");
    let failure = bench.client("a").take(|node| node.tag == "failure").unwrap();
    assert_eq!(failure.get_u64("reason"), Some(503));
    bench.log_in("a");
    bench.server.arm(Fault::CutFrame(4), Target::Anyone, 1);
    let ping = bench.client("a").iq("get", "w:p", Node::new("ping"));
    bench.send("a", &ping);
    assert!(bench.client("a").is_closed());
}

#[test]
fn a_restart_keeps_accounts_and_queues() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    bench.pair("b", "Bob");
    bench.client("b").polite = false;
    bench.text("a", "b", "before");
    bench.server.restart(bench.now);
    bench.flow();
    assert!(bench.client("a").is_closed() && bench.client("b").is_closed());
    bench.client("b").polite = true;
    bench.log_in("b");
    let again = bench.client("b").take(|node| node.tag == "message" && node.has("offline"));
    assert!(again.is_some());
}

#[test]
fn frames_that_do_not_decode_or_open_end_the_connection() {
    let mut bench = Bench::new();
    bench.pair("a", "Alice");
    let (conn, bytes) = bench.client("a").seal_plain(&[0, 240]);
    bench.server.receive(conn, &bytes, bench.now);
    bench.flow();
    let error = bench.client("a").take(|node| node.tag == "stream:error").unwrap();
    assert!(error.find("xml-not-well-formed").is_some() && bench.client("a").is_closed());
    bench.log_in("a");
    let (conn, mut bytes) = bench.client("a").seal_plain(&[0, 240]);
    *bytes.last_mut().unwrap() ^= 1;
    bench.server.receive(conn, &bytes, bench.now);
    bench.flow();
    assert!(bench.client("a").is_closed());
}

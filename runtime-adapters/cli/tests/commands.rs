//! The command as people and scripts use it: processes, standard output, exit codes, Ctrl-C.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "commands/programs.rs"]
mod programs;

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

#[test]
fn demo_ends_in_its_ok_line() {
    let out = sanswire(&["demo"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("ok: ") && last.ends_with(" messages, each delivered once"), "{last}");
    assert!(text.contains('█'), "QR codes are drawn");
}

#[test]
fn two_accounts_pair_send_and_listen() {
    let folder = Folder::new("story");
    let server = Server::start(&folder, false);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let number_of_ben = server.pair(&ben, "ben");
    server.pair(&anna, "anna");

    let first = server.send(&anna, &number_of_ben, "one, sent while nobody listens");
    let mut listening = Running::start(&mut server.command("listen", &ben));
    let event = listening.text();
    assert_eq!(event["event"]["message"]["id"], first.as_str());
    assert_eq!(event["event"]["message"]["content"]["text"]["body"], "one, sent while nobody listens");
    assert_eq!(event["repeated"], false);

    let refused = server.command("send", &ben).args([&number_of_ben, "the file is taken"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5));
    assert!(stderr(&refused).contains("ben.db is in use by another client"), "{}", stderr(&refused));

    let second = server.send(&anna, &number_of_ben, "two, äöü 😀");
    assert_eq!(listening.text()["event"]["message"]["id"], second.as_str());
    assert_eq!(listening.interrupt(), Some(0));

    let third = server.send(&anna, &number_of_ben, "three");
    let mut listening = Running::start(&mut server.command("listen", &ben));
    let next = listening.text();
    assert_eq!(next["event"]["message"]["id"], third.as_str(), "what was printed before does not come again");
    listening.child.kill().unwrap();
    listening.child.wait().unwrap();

    let again = server.command("pair", &ben).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&again.stdout), "this store is paired already\n");
    assert!(again.status.success());
    server.stop();
}

#[test]
fn recordings_are_private_and_replay() {
    let folder = Folder::new("recordings");
    let server = Server::start(&folder, false);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let number_of_ben = server.pair(&ben, "ben");
    server.pair(&anna, "anna");
    let file = folder.0.join("send.swrec");
    let path = file.to_str().unwrap();

    let send = || {
        let mut command = server.command("send", &anna);
        command.args([&number_of_ben, "for the record", "--record", path]).output().unwrap()
    };
    let sent = send();
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(
        stderr(&sent).contains("send.swrec: it will hold this account's secret keys"),
        "{}",
        stderr(&sent)
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let refused = send();
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("cannot record to "), "{}", stderr(&refused));
    server.stop();

    let replay = |options: &[&str]| sanswire(&["replay", path]).args(options).output().unwrap();
    let text = |out: &Output| String::from_utf8(out.stdout.clone()).unwrap();
    let plain = replay(&[]);
    assert!(plain.status.success() && text(&plain).starts_with("ok: "), "{}{}", text(&plain), stderr(&plain));
    let shown = text(&replay(&["--show"]));
    assert!(shown.contains("->         <message ") && shown.contains("for the record"), "{shown}");
    let places = text(&replay(&["--until", "3"]));
    assert!(places.starts_with("records:\n") && places.contains("\npre_key 00000001\n"), "{places}");
    for line in text(&replay(&["--json"])).lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["step"].is_string(), "{line}");
    }

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damaged = replay(&[]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(
        stderr(&damaged).contains("send.swrec: the recording is damaged at byte "),
        "{}",
        stderr(&damaged)
    );
}

#[test]
fn tls_works_with_the_certificate_that_serve_prints() {
    let folder = Folder::new("tls");
    let server = Server::start(&folder, true);
    assert!(server.url.starts_with("wss://"), "{}", server.url);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let number_of_ben = server.pair(&ben, "ben");
    server.pair(&anna, "anna");
    server.send(&anna, &number_of_ben, "inside TLS");
    server.stop();
}

#[test]
fn a_code_typed_into_the_phone_pairs_and_an_unlinked_store_pairs_again() {
    let folder = Folder::new("typed");
    let server = Server::start(&folder, false);
    let store = folder.0.join("anna.db");
    let number = "15550123456";
    let wrong = server.command("pair", &store).args(["--code", "0155501"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("phone number is not in international form"), "{}", stderr(&wrong));

    let mut pairing = Running::start(server.command("pair", &store).args(["--code", number]));
    let code = pairing.line(|line| line.len() == 9 && line.as_bytes()[4] == b'-');
    let typed = serde_json::json!({ "phone": number, "code": code }).to_string();
    server.admin("POST", "/admin/mock-phone/type-code", &typed);
    assert_eq!(
        pairing.line(|line| line.starts_with("paired as ")),
        format!("paired as {number}:1@s.whatsapp.net")
    );
    assert!(pairing.child.wait().unwrap().success());

    let jid = format!("{number}:1@s.whatsapp.net");
    server.admin("POST", "/admin/unlink", &serde_json::json!({ "jid": jid }).to_string());
    let refused = server.command("listen", &store).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("run `sanswire pair` again"), "{}", stderr(&refused));

    let mut pairing =
        Running::start(server.command("pair", &store).args(["--code", number, "--custom", "abcd1234"]));
    assert_eq!(pairing.line(|line| line.contains("-")), "ABCD-1234");
    let typed = serde_json::json!({ "phone": number, "code": "ABCD-1234" }).to_string();
    server.admin("POST", "/admin/mock-phone/type-code", &typed);
    assert_eq!(
        pairing.line(|line| line.starts_with("paired as ")),
        format!("paired as {number}:2@s.whatsapp.net")
    );
    assert!(pairing.child.wait().unwrap().success());
    server.stop();
}

#[test]
fn failures_have_words_and_exit_codes() {
    let folder = Folder::new("failures");
    let server = Server::start(&folder, false);
    let store = folder.0.join("new.db");
    let code_and_words = |mut command: Command| {
        let out = command.output().unwrap();
        (out.status.code(), stderr(&out))
    };

    let mut send = server.command("send", &store);
    send.args(["15550001111", "hi"]);
    let (code, words) = code_and_words(send);
    assert_eq!(code, Some(3));
    assert!(words.contains("is not paired with a phone: run `sanswire pair --store"), "{words}");
    assert!(!store.exists(), "a mistyped name makes no file");

    let mut send = server.command("send", &store);
    send.args(["anna", "hi"]);
    assert_eq!(
        code_and_words(send),
        (Some(2), "sanswire: anna is neither a phone number nor an address\n".to_owned())
    );

    let other_root =
        ["--store", store.to_str().unwrap(), "--server", &server.url, "--cert-root", &"ab".repeat(32)];
    let mut pair = sanswire(&["pair"]);
    pair.args(other_root);
    let (code, words) = code_and_words(pair);
    assert_eq!(code, Some(4), "{words}");
    assert!(words.contains("the server's certificate does not lead to the trusted root"), "{words}");

    // The file is there now, but no phone has linked it.
    let (code, words) = code_and_words(server.command("listen", &store));
    assert_eq!(code, Some(3), "{words}");

    std::fs::write(&store, "not a database").unwrap();
    let (code, words) = code_and_words(server.command("listen", &store));
    assert_eq!(code, Some(5), "{words}");
    assert!(words.contains("is not a sanswire store"), "{words}");

    let mut pairing = Running::start(&mut server.command("pair", &folder.0.join("interrupted.db")));
    pairing.line(|line| line.starts_with("Scan this"));
    assert_eq!(pairing.interrupt(), Some(130));
    server.stop();
}

fn sanswire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sanswire"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// A process whose standard output is read line by line.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that is wanted; those before it are passed over.
    fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        self.lines.by_ref().map(Result::unwrap).find(|line| wanted(line)).expect("the process ended early")
    }

    /// The next event with a text message.
    fn text(&mut self) -> Value {
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let line = self.line(|line| !parse(line)["event"]["message"]["content"]["text"].is_null());
        parse(&line)
    }

    /// Ctrl-C; the exit code.
    fn interrupt(mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        for line in self.lines.by_ref() {
            rest.push_str(&line.unwrap());
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `sanswire serve`, and what a client has to be told about it.
struct Server {
    running: Running,
    url: String,
    options: Vec<String>,
}

impl Server {
    fn start(folder: &Folder, tls: bool) -> Self {
        let mut command = sanswire(&["serve", "--listen", "127.0.0.1:0"]);
        if tls {
            command.arg("--tls");
        }
        let mut running = Running::start(&mut command);
        let ready: Value = serde_json::from_str(&running.line(|_| true)).unwrap();
        assert_eq!(ready["ready"], true);
        let url = ready["url"].as_str().unwrap().to_owned();
        let mut options = vec!["--server".to_owned(), url.clone()];
        options.extend(["--cert-root".to_owned(), ready["cert_root"].as_str().unwrap().to_owned()]);
        if tls {
            let roots = folder.0.join("roots.pem");
            std::fs::write(&roots, ready["tls_root"].as_str().unwrap()).unwrap();
            options.extend(["--tls-roots".to_owned(), roots.to_str().unwrap().to_owned()]);
        }
        Self { running, url, options }
    }

    fn command(&self, name: &str, store: &Path) -> Command {
        let mut command = sanswire(&[name, "--store", store.to_str().unwrap()]);
        command.args(&self.options);
        command
    }

    /// Pairs a store, with the mock phone's help; the account's number.
    fn pair(&self, store: &Path, name: &str) -> String {
        let mut pairing = Running::start(self.command("pair", store).args(["--plain", "--name", name]));
        let code = pairing.line(|line| line.matches(',').count() >= 3);
        let answer = self.scan(&code);
        let last = pairing.line(|line| line.starts_with("paired as "));
        assert!(pairing.child.wait().unwrap().success());
        let jid = answer["jid"].as_str().unwrap();
        assert_eq!(last, format!("paired as {jid}"));
        jid.split([':', '@']).next().unwrap().to_owned()
    }

    /// What a suite does that drives the phone.
    fn scan(&self, code: &str) -> Value {
        self.admin("POST", "/admin/mock-phone/scan-qr", code)
    }

    /// One HTTP request, plain whatever the clients use.
    fn admin(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.url.split('/').nth(2).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Sends a text; the message's id.
    fn send(&self, store: &Path, to: &str, text: &str) -> String {
        let out = self.command("send", store).args([to, text]).output().unwrap();
        assert!(out.status.success(), "{}", stderr(&out));
        let id = String::from_utf8(out.stdout).unwrap().trim().to_owned();
        assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{id}");
        id
    }

    fn stop(self) {
        assert_eq!(self.running.interrupt(), Some(0));
    }
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sanswire-commands-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

//! The commands for programs: `ops`, `call`, `rpc`; and what else `send` and `listen` can do.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::{Folder, Running, Server, sanswire, stderr};

fn json_of(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)))
}

#[test]
fn ops_lists_every_operation_and_examples_that_work() {
    let out = sanswire(&["ops", "--json"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let described: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = described.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, sanswire::ops::NAMES);
    let out = sanswire(&["ops", "link.pair"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.starts_with("link.pair_code\n    code     text, optional\n"), "{text}");
}

#[test]
fn call_prints_the_answer_or_the_error_as_json() {
    let folder = Folder::new("call");
    let server = Server::start(&folder, false);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let number = server.pair(&ben, "ben");
    server.pair(&anna, "anna");
    let call = |arguments: &[&str]| server.command("call", &anna).args(arguments).output().unwrap();

    let message =
        json!({ "to": format!("{number}@s.whatsapp.net"), "content": { "text": { "body": "called" } } });
    let sent = call(&["message.send", &message.to_string()]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    let id = json_of(&sent.stdout)["id"].as_str().unwrap().to_owned();
    let mut listening = Running::start(server.command("listen", &ben).arg("--pretty"));
    let line = listening.line(|line| line.contains("called"));
    assert!(line.contains("anna (1555") && line.ends_with(&format!("): called [{id}]")), "{line}");
    drop(listening);

    let unknown = call(&["message.shout"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no operation is called message.shout"), "{}", stderr(&unknown));
    for wrong in ["{", "[]", "{\"chat\": 1}"] {
        assert_eq!(call(&["message.mark_read", wrong]).status.code(), Some(2), "{wrong}");
    }
    let refused =
        call(&["message.mark_read", &json!({ "chat": "15550001111@s.whatsapp.net", "ids": [] }).to_string()]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(json_of(&refused.stdout)["error"]["argument"].is_string());
    let early =
        call(&["message.mark_read", "--now", r#"{"chat": "15550001111@s.whatsapp.net", "ids": ["A"]}"#]);
    assert_eq!((early.status.code(), json_of(&early.stdout)), (Some(4), json!({ "error": "disconnected" })));
    let out_of_turn = call(&["link.relink"]);
    assert_eq!(out_of_turn.status.code(), Some(4));
    assert!(json_of(&out_of_turn.stdout)["error"]["out_of_turn"].is_string());

    let out = call(&["link.logout"]);
    assert_eq!((out.status.code(), out.stdout.as_slice()), (Some(0), &b"null\n"[..]), "{}", stderr(&out));
    assert_eq!(call(&["presence.set", r#"{"available": true}"#]).status.code(), Some(3));
    let again = call(&["link.relink"]);
    assert!(again.status.success(), "{}", stderr(&again));
    server.stop();
}

#[test]
fn send_answers_reacts_edits_deletes_and_mentions() {
    let folder = Folder::new("forms");
    let server = Server::start(&folder, false);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let to_ben = server.pair(&ben, "ben");
    let to_anna = server.pair(&anna, "anna");
    let first = server.send(&anna, &to_ben, "first");
    let form = |arguments: &[&str]| {
        let out = server.command("send", &ben).arg(&to_anna).args(arguments).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", stderr(&out));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let answer = form(&["an answer", "--reply", &first, "--quote", "first"]);
    form(&["👍", "--react", &first]);
    form(&["a better answer", "--edit", &answer]);
    form(&["@you", "--mention", &to_anna]);
    form(&["--revoke", &answer]);
    let mut listening = Running::start(&mut server.command("listen", &anna));
    let mut next = |kind: &str| loop {
        let line = listening.line(|line| line.contains("\"message\""));
        let message = serde_json::from_str::<Value>(&line).unwrap()["event"]["message"].clone();
        if !message["content"][kind].is_null() {
            return message;
        }
    };
    let message = next("text");
    assert_eq!((&message["id"], &message["context"]["quote"]["id"]), (&json!(answer), &json!(first)));
    assert_eq!(message["context"]["quote"]["content"]["text"]["body"], "first");
    let message = next("reaction");
    assert_eq!(message["content"]["reaction"]["emoji"], "👍");
    assert_eq!(message["content"]["reaction"]["to"]["id"], first.as_str());
    assert_eq!(next("edit")["content"]["edit"]["content"]["text"]["body"], "a better answer");
    assert_eq!(next("text")["context"]["mentions"], json!([format!("{to_anna}@s.whatsapp.net")]));
    assert_eq!(next("revoke")["content"]["revoke"]["of"]["id"], answer.as_str());
    drop(listening);
    server.stop();
}

/// `sanswire rpc`, as a program uses it.
struct Rpc {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Rpc {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next message that is wanted; those before it are passed over.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next().expect("rpc ended early").unwrap();
            let message = json_of(line.as_bytes());
            assert_eq!(message["jsonrpc"], "2.0", "{line}");
            if wanted(&message) {
                return message;
            }
        }
    }

    fn ask(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        self.until(|message| message["id"] == id)
    }

    fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(|message| message["method"] == "event" && wanted(&message["params"]["event"]))["params"]
            .clone()
    }

    /// Ends its input; the exit code.
    fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        for line in self.lines.by_ref() {
            line.unwrap();
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Rpc {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_program_pairs_sends_and_receives_over_rpc() {
    let folder = Folder::new("rpc");
    let server = Server::start(&folder, false);
    let (anna, ben) = (folder.0.join("anna.db"), folder.0.join("ben.db"));
    let to_ben = server.pair(&ben, "ben");
    let mut rpc = Rpc::start(&mut server.command("rpc", &anna));
    let number = "15550123456";
    rpc.event(|event| event["link"]["qr_code"].is_object());
    let shown = rpc.ask(1, "link.pair_code", &json!({ "phone": number }));
    let typed = json!({ "phone": number, "code": shown["result"]["code"] }).to_string();
    server.admin("POST", "/admin/mock-phone/type-code", &typed);
    rpc.event(|event| event["link"] == "ready");

    let message =
        json!({ "to": format!("{to_ben}@s.whatsapp.net"), "content": { "text": { "body": "over rpc" } } });
    let sent = rpc.ask(2, "message.send", &message);
    assert!(sent["result"]["id"].is_string(), "{sent}");
    server.send(&ben, number, "back to rpc");
    let received = rpc.event(|event| event["message"]["content"]["text"]["body"] == "back to rpc");
    let event = received["id"].as_u64().unwrap();
    assert_eq!(rpc.ask(3, "seen", &json!({ "id": event }))["result"], Value::Null);
    let sent = rpc.ask(4, "message.send", &message);
    assert!(sent["result"]["id"].is_string());
    assert_eq!(rpc.end(), Some(0));

    let mut rpc = Rpc::start(&mut server.command("rpc", &anna));
    loop {
        let event = rpc.event(|_| true);
        assert_ne!(event["id"], event["at"], "events have ids of their own");
        assert_ne!(event["event"]["message"]["content"]["text"]["body"], "back to rpc", "it was confirmed");
        if event["event"]["link"] == "ready" {
            break;
        }
    }
    assert_eq!(rpc.end(), Some(0));
    server.stop();
}

#[test]
fn rpc_survives_bad_input_and_says_what_was_wrong() {
    let folder = Folder::new("bad-input");
    let server = Server::start(&folder, false);
    let mut rpc = Rpc::start(&mut server.command("rpc", &folder.0.join("anna.db")));
    for (line, code) in [
        ("nonsense", -32_700),
        ("[]", -32_600),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32_600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"message.shout"}"#, -32_601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"message.send","params":{"to":1}}"#, -32_602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"seen"}"#, -32_602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"link.relink"}"#, -32_009),
        (r#"{"jsonrpc":"2.0","id":1,"method":"link.logout"}"#, -32_001),
    ] {
        rpc.say("");
        rpc.say(line);
        let fault = rpc.until(|message| message.get("error").is_some());
        assert_eq!(fault["error"]["code"], code, "{line}: {fault}");
    }
    rpc.say(r#"{"jsonrpc":"2.0","method":"message.shout"}"#);
    let listed = rpc.ask(2, "ops", &json!({}));
    assert_eq!(listed["result"].as_array().unwrap().len(), sanswire::ops::NAMES.len());
    assert_eq!(rpc.end(), Some(0));
    server.stop();
}

//! The admin endpoint's addresses and bodies. Reference 14 §5.

use serde_json::Value;

use super::http::Request;
use crate::server::{Addressing, AdminRequest, Fault, GroupChange, GroupRequest};

/// Status and text of a refusal.
pub(super) type Refusal = (u16, String);

/// What a request asks for; `Ok(None)` is the health check.
pub(super) fn route(request: &Request) -> Result<Option<AdminRequest>, Refusal> {
    let path = request.path();
    let Some((_, wanted)) = METHODS.iter().find(|(known, _)| *known == path) else {
        return Err((404, "no such address".to_owned()));
    };
    if request.method != *wanted && !(request.method == "HEAD" && *wanted == "GET") {
        return Err((405, format!("{path} wants {wanted}")));
    }
    if request.body.len() > BODY_MAX {
        return Err((413, "the body is too long".to_owned()));
    }
    let raw = String::from_utf8_lossy(&request.body).trim().to_owned();
    let body = Fields(if raw.starts_with('{') {
        serde_json::from_str(&raw).map_err(|error| (400, error.to_string()))?
    } else {
        Value::Null
    });
    Ok(Some(match path {
        "/admin/mock-phone/scan-qr" => AdminRequest::ScanQr(raw),
        "/admin/mock-phone/type-code" => {
            AdminRequest::TypeCode { phone: body.text("phone")?, code: body.text("code")? }
        }
        "/admin/mock-phone/refresh-code" => {
            AdminRequest::RefreshCode { phone: body.text("phone")?, manual: body.flag("manual") }
        }
        "/admin/mock-phone/authenticate" => {
            AdminRequest::Authenticate { phone: body.text("phone")?, request: body.text("request")? }
        }
        "/admin/state" => AdminRequest::State,
        "/admin/violations" => AdminRequest::Violations,
        "/admin/kick" => AdminRequest::Kick {
            jid: body.text("jid")?,
            code: body.number("code"),
            conflict: body.text("conflict").ok(),
        },
        "/admin/unlink" => AdminRequest::Unlink { jid: body.text("jid")? },
        "/admin/send" => {
            AdminRequest::Send { from: body.text("from")?, to: body.text("to")?, text: body.text("text")? }
        }
        "/admin/account" => AdminRequest::CreateAccount { name: body.text("name")? },
        "/admin/group" => AdminRequest::CreateGroup {
            subject: body.text("subject")?,
            members: body.texts("members")?,
            addressing: addressing(&body.text("addressing").unwrap_or_else(|_| "lid".to_owned()))?,
        },
        "/admin/group/change" => {
            AdminRequest::ChangeGroup { group: body.text("group")?, change: change(&body)? }
        }
        "/admin/replace-phone" => AdminRequest::ReplacePhone { account: body.text("account")? },
        "/admin/drop-prekeys" => AdminRequest::DropPrekeys { jid: body.text("jid")? },
        "/admin/fault" => AdminRequest::Fault {
            fault: fault(&body)?,
            jid: body.text("jid").ok(),
            times: body.number("times").and_then(|times| times.try_into().ok()).unwrap_or(1),
        },
        "/admin/heal" => AdminRequest::Heal,
        "/admin/restart" => AdminRequest::Restart,
        _ => return Ok(None),
    }))
}

/// What shall happen to a group: one field of the body says it.
fn change(body: &Fields) -> Result<GroupRequest, Refusal> {
    let flag = |name: &str| body.0.get(name).and_then(Value::as_bool);
    let whom = ["add", "remove", "leave", "promote", "demote"];
    if let Some((name, who)) = whom.iter().find_map(|name| Some((*name, body.text(name).ok()?))) {
        return Ok(match name {
            "add" => GroupRequest::Add(who),
            "remove" => GroupRequest::Remove(who),
            "leave" => GroupRequest::Leave(who),
            "promote" => GroupRequest::Promote(who),
            _ => GroupRequest::Demote(who),
        });
    }
    let change = if let Ok(subject) = body.text("subject") {
        GroupChange::Subject(subject)
    } else if let Ok(text) = body.text("description") {
        GroupChange::Description(text)
    } else if let Some(on) = flag("announcement") {
        GroupChange::Announcement(on)
    } else if let Some(on) = flag("locked") {
        GroupChange::Locked(on)
    } else if let Some(on) = flag("approval") {
        GroupChange::Approval(on)
    } else if let Some(seconds) = body.number("ephemeral") {
        GroupChange::Ephemeral(seconds)
    } else if let Ok(mode) = body.text("addressing") {
        GroupChange::Addressing(addressing(&mode)?)
    } else {
        return Err((400, "nothing to change".to_owned()));
    };
    Ok(GroupRequest::Change(change))
}

fn addressing(mode: &str) -> Result<Addressing, Refusal> {
    match mode {
        "lid" => Ok(Addressing::Lid),
        "pn" => Ok(Addressing::Pn),
        other => Err((400, format!("no addressing is called {other}"))),
    }
}

/// A fault by its name.
fn fault(body: &Fields) -> Result<Fault, Refusal> {
    let code = || body.number("code").ok_or_else(|| (400, "code is missing".to_owned()));
    Ok(match body.text("fault")?.as_str() {
        "corrupt-ciphertext" => Fault::CorruptCiphertext,
        "duplicate-delivery" => Fault::DuplicateDelivery,
        "reorder-delivery" => Fault::ReorderDelivery,
        "withhold-answer" => Fault::WithholdAnswer(body.text("xmlns")?),
        "refuse-iq" => Fault::RefuseIq(body.text("xmlns")?, code()?),
        "bad-bundle-signature" => Fault::BadBundleSignature,
        "bundle-missing" => Fault::BundleMissing,
        "login-failure" => Fault::LoginFailure(code()?),
        "bad-pairing-hmac" => Fault::BadPairingHmac,
        "bad-account-signature" => Fault::BadAccountSignature,
        "stale-link-ref" => Fault::StaleLinkRef,
        "phone-refuses-link" => Fault::PhoneRefusesLink,
        "omit-passkey-options" => Fault::OmitPasskeyOptions,
        "refuse-message" => Fault::RefuseMessage(code()?),
        "unavailable" => Fault::Unavailable(body.text("type").unwrap_or_default()),
        "lose-ack" => Fault::LoseAck,
        "cut-frame" => Fault::CutFrame(body.number("bytes").and_then(|n| n.try_into().ok()).unwrap_or(0)),
        other => return Err((400, format!("no fault is called {other}"))),
    })
}

/// A JSON object.
struct Fields(Value);

impl Fields {
    fn text(&self, name: &str) -> Result<String, Refusal> {
        let value = self.0.get(name).and_then(Value::as_str);
        value.map(str::to_owned).ok_or_else(|| (400, format!("{name} is missing")))
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let values = self.0.get(name).and_then(Value::as_array);
        let texts = values.and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        texts.ok_or_else(|| (400, format!("{name} must be a list of texts")))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }
}

/// Every address and its method.
const METHODS: &[(&str, &str)] = &[
    ("/", "GET"),
    ("/admin/mock-phone/scan-qr", "POST"),
    ("/admin/mock-phone/type-code", "POST"),
    ("/admin/mock-phone/refresh-code", "POST"),
    ("/admin/mock-phone/authenticate", "POST"),
    ("/admin/state", "GET"),
    ("/admin/violations", "GET"),
    ("/admin/kick", "POST"),
    ("/admin/unlink", "POST"),
    ("/admin/send", "POST"),
    ("/admin/account", "POST"),
    ("/admin/group", "POST"),
    ("/admin/group/change", "POST"),
    ("/admin/replace-phone", "POST"),
    ("/admin/drop-prekeys", "POST"),
    ("/admin/fault", "POST"),
    ("/admin/heal", "POST"),
    ("/admin/restart", "POST"),
];
/// Longest admin body.
const BODY_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str, body: &str) -> Result<Option<AdminRequest>, Refusal> {
        let (method, target) = ("POST".to_owned(), path.to_owned());
        route(&Request { method, target, headers: Vec::new(), body: body.as_bytes().to_vec() })
    }

    #[test]
    fn groups_are_made_and_changed_over_http() {
        let made = post("/admin/group", r#"{"subject":"friends","members":["Alice","15550001111"]}"#);
        let members = vec!["Alice".to_owned(), "15550001111".to_owned()];
        let wanted =
            AdminRequest::CreateGroup { subject: "friends".to_owned(), members, addressing: Addressing::Lid };
        assert_eq!(made, Ok(Some(wanted)));
        let change = |body: &str| post("/admin/group/change", body);
        let added = change(r#"{"group":"1203630@g.us","add":"Bob"}"#);
        let request = GroupRequest::Add("Bob".to_owned());
        let group = "1203630@g.us".to_owned();
        assert_eq!(added, Ok(Some(AdminRequest::ChangeGroup { group: group.clone(), change: request })));
        let locked = change(r#"{"group":"1203630@g.us","locked":true}"#);
        let request = GroupRequest::Change(GroupChange::Locked(true));
        assert_eq!(locked, Ok(Some(AdminRequest::ChangeGroup { group, change: request })));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let refused = |path: &str, body: &str| post(path, body).map_err(|(code, _)| code);
        assert_eq!(refused("/admin/group", r#"{"subject":"x"}"#), Err(400));
        assert_eq!(refused("/admin/group", r#"{"subject":"x","members":[1]}"#), Err(400));
        let neither = r#"{"subject":"x","members":["a"],"addressing":"fax"}"#;
        assert_eq!(refused("/admin/group", neither), Err(400));
        assert_eq!(refused("/admin/group/change", r#"{"group":"1@g.us"}"#), Err(400));
        assert_eq!(refused("/admin/groups", "{}"), Err(404));
    }
}

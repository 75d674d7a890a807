//! What tests and people at the keyboard ask of the server behind the wire. Reference 14 §5.

use sanswire::wire::{Jid, Node};
use serde_json::{Value, json};

use super::directory::{AccountId, Form};
use super::link_code::CodeRefusal;
use super::{Addressing, DeviceRef, Fault, GroupRequest, Server, Target};
use crate::clock::Time;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminRequest {
    /// The phone of the right account scans this code (raw QR text).
    ScanQr(String),
    /// The owner of a number types a link code into the phone.
    TypeCode {
        /// Push name, phone number or address.
        phone: String,
        /// The code, with or without its dash.
        code: String,
    },
    /// The server wants a new code of the companion that waits for this number.
    RefreshCode {
        /// Push name, phone number or address.
        phone: String,
        /// Only when the user says so.
        manual: bool,
    },
    /// The owner's authenticator answers a request for a passkey: the assertion in JSON.
    Authenticate {
        /// Push name, phone number or address.
        phone: String,
        /// The request.
        request: String,
    },
    /// Accounts, devices and queues.
    State,
    /// What clients did wrong.
    Violations,
    /// Sends a stream error with this code (none: just closes) to a device and closes its connection.
    Kick {
        /// The device's address.
        jid: String,
        /// Code of the stream error.
        code: Option<u64>,
        /// Type of the `<conflict>` inside.
        conflict: Option<String>,
    },
    /// The phone unlinks a companion.
    Unlink {
        /// The companion's address.
        jid: String,
    },
    /// A phone writes a text.
    Send {
        /// Push name, phone number or address of the account that writes.
        from: String,
        /// Push name, phone number or address of the recipient, or the address of a group.
        to: String,
        /// The text.
        text: String,
    },
    /// Makes a group.
    CreateGroup {
        /// Its subject.
        subject: String,
        /// Push name, phone number or address of each member; the first is the creator.
        members: Vec<String>,
        /// How members are written.
        addressing: Addressing,
    },
    /// Changes a group.
    ChangeGroup {
        /// Its address.
        group: String,
        /// What changes.
        change: GroupRequest,
    },
    /// Makes an account with nothing but its phone.
    CreateAccount {
        /// Its push name.
        name: String,
    },
    /// The account's owner sets up a new phone: new identity, no companions.
    ReplacePhone {
        /// Push name, phone number or address.
        account: String,
    },
    /// Empties a device's one-time prekeys and tells it so.
    DropPrekeys {
        /// The device's address.
        jid: String,
    },
    /// Arms a fault.
    Fault {
        /// What shall happen.
        fault: Fault,
        /// The device it may strike; none: the next one.
        jid: Option<String>,
        /// How often.
        times: u32,
    },
    /// Disarms all faults.
    Heal,
    /// Drops all connections; state stays.
    Restart,
}

/// An answer with its HTTP status.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminResponse {
    /// 200, or why not.
    pub status: u16,
    /// Details.
    pub body: Value,
}

impl AdminResponse {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    pub(crate) fn error(status: u16, text: &str) -> Self {
        Self { status, body: json!({ "error": text }) }
    }
}

impl Server {
    /// Carries out one administrative request.
    pub fn admin(&mut self, request: AdminRequest, now: Time) -> AdminResponse {
        self.tick(now);
        let response = self.admin_now(request);
        self.settle();
        response
    }

    /// The device that an address names: for tests that aim faults.
    #[must_use]
    pub fn find_device(&self, jid: &str) -> Option<DeviceRef> {
        self.directory.resolve_device(&Jid::parse(jid).ok()?)
    }

    /// The device of an address, whether or not it is linked (any more).
    #[must_use]
    pub fn device_named(&self, jid: &Jid<'_>) -> Option<DeviceRef> {
        Some(DeviceRef { account: self.directory.resolve(jid)?, device: jid.device() })
    }

    /// Whether a device is linked.
    #[must_use]
    pub fn is_linked(&self, at: DeviceRef) -> bool {
        self.directory.device(at).is_some()
    }

    fn admin_now(&mut self, request: AdminRequest) -> AdminResponse {
        match request {
            AdminRequest::ScanQr(text) => match self.scan_qr(&text) {
                Ok(scanned) => AdminResponse::ok(json!({
                    "jid": scanned.jid.to_string(),
                    "lid": scanned.lid.to_string(),
                    "device_id": scanned.device,
                })),
                Err(refusal) => AdminResponse::error(refusal.status(), &refusal.to_string()),
            },
            AdminRequest::TypeCode { phone, code } => Self::coded(self.type_code(&phone, &code)),
            AdminRequest::RefreshCode { phone, manual } => Self::coded(self.refresh_code(&phone, manual)),
            AdminRequest::Authenticate { phone, request } => self.authenticate(&phone, &request),
            AdminRequest::State => AdminResponse::ok(self.describe()),
            AdminRequest::Violations => AdminResponse::ok(self.describe_violations()),
            AdminRequest::Kick { jid, code, conflict } => self.on_device(&jid, |server, at| {
                server.kick(at, code, conflict.as_deref());
                json!({})
            }),
            AdminRequest::Unlink { jid } => {
                self.on_device(&jid, |server, at| json!({ "unlinked": server.unlink(at) }))
            }
            AdminRequest::Send { from, to, text } => self.admin_send(&from, &to, &text),
            AdminRequest::CreateGroup { subject, members, addressing } => {
                self.admin_create_group(&subject, &members, addressing)
            }
            AdminRequest::ChangeGroup { group, change } => self.admin_change_group(&group, &change),
            AdminRequest::CreateAccount { name } => {
                let known = self.directory.by_name(&name);
                let account = known.unwrap_or_else(|| self.add_account(Some(&name), true));
                AdminResponse::ok(self.describe_account(account))
            }
            AdminRequest::ReplacePhone { account } => match self.directory.look_up(&account) {
                Some(account) => {
                    self.replace_phone(account);
                    AdminResponse::ok(self.describe_account(account))
                }
                None => AdminResponse::error(404, "no such account"),
            },
            AdminRequest::DropPrekeys { jid } => self.on_device(&jid, |server, at| {
                let dropped = server.drop_prekeys(at);
                server.warn_low_pool(at, 0);
                json!({ "dropped": dropped })
            }),
            AdminRequest::Fault { fault, jid, times } => match jid {
                None => {
                    self.arm(fault, Target::Anyone, times);
                    AdminResponse::ok(json!({}))
                }
                Some(jid) => self.on_device(&jid, |server, at| {
                    server.arm(fault, Target::Device(at), times);
                    json!({})
                }),
            },
            AdminRequest::Heal => {
                self.heal();
                AdminResponse::ok(json!({}))
            }
            AdminRequest::Restart => {
                self.restart(self.now);
                AdminResponse::ok(json!({}))
            }
        }
    }

    fn coded(done: Result<(), CodeRefusal>) -> AdminResponse {
        match done {
            Ok(()) => AdminResponse::ok(json!({})),
            Err(refusal) => AdminResponse::error(refusal.status(), &refusal.to_string()),
        }
    }

    fn authenticate(&mut self, phone: &str, request: &str) -> AdminResponse {
        let phone = self.directory.look_up(phone).and_then(|account| self.phones.get_mut(&account));
        let Some(phone) = phone else { return AdminResponse::error(404, "no such account") };
        match phone.authenticate(request).and_then(|assertion| serde_json::to_value(assertion).ok()) {
            Some(assertion) => AdminResponse::ok(assertion),
            None => AdminResponse::error(400, "the request is not for this passkey"),
        }
    }

    fn on_device(&mut self, jid: &str, act: impl FnOnce(&mut Self, DeviceRef) -> Value) -> AdminResponse {
        match self.find_device(jid) {
            Some(at) => AdminResponse::ok(act(self, at)),
            None => AdminResponse::error(404, "no such device"),
        }
    }

    fn kick(&mut self, at: DeviceRef, code: Option<u64>, conflict: Option<&str>) {
        let Some(conn) = self.directory.device(at).and_then(|device| device.conn) else { return };
        if code.is_none() && conflict.is_none() {
            return self.drop_link(conn);
        }
        let mut error = Node::new("stream:error").attr_opt("code", code);
        if let Some(kind) = conflict {
            error = error.child(Node::new("conflict").attr("type", kind.to_owned()));
        }
        self.stream_error(conn, error);
    }

    fn admin_send(&mut self, from: &str, to: &str, text: &str) -> AdminResponse {
        let group = Jid::parse(to).ok().filter(Jid::is_group);
        let (from, account) = (self.directory.look_up(from), self.directory.look_up(to));
        let said = match (from, account, group) {
            (Some(from), _, Some(group)) => self.phone_says_in_group(from, &group, text),
            (Some(from), Some(to), None) => self.phone_says(from, to, text),
            _ => return AdminResponse::error(404, "no such account"),
        };
        match said {
            Some(id) => AdminResponse::ok(json!({ "id": id })),
            None => AdminResponse::error(409, "the phone cannot send"),
        }
    }

    fn describe(&self) -> Value {
        let accounts: Vec<Value> =
            self.directory.accounts().map(|account| self.describe_account(account.id)).collect();
        json!({
            "time": self.now.0,
            "connections": self.links.len(),
            "accounts": accounts,
            "groups": self.describe_groups(),
            "violations": self.violations().len(),
        })
    }

    fn describe_account(&self, id: AccountId) -> Value {
        let Some(account) = self.directory.account(id) else { return Value::Null };
        let devices: Vec<Value> = account
            .devices
            .iter()
            .map(|(number, device)| {
                json!({
                    "id": number,
                    "jid": account.jid(*number, Form::Pn).to_string(),
                    "phone": account.is_phone(*number),
                    "online": device.conn.is_some(),
                    "available": device.available,
                    "queued": device.queue.len(),
                    "prekeys": device.keys.pool.len(),
                    "key_index": device.key_index,
                })
            })
            .collect();
        json!({
            "name": account.name,
            "registered_as": account.key_name,
            "jid": account.bare(Form::Pn).to_string(),
            "lid": account.bare(Form::Lid).to_string(),
            "devices": devices,
            "code_on_show": self.phones.get(&id).and_then(|phone| phone.code_on_show()),
            "link_trouble": self.phones.get(&id).and_then(|phone| phone.link_trouble.as_deref()),
        })
    }

    fn describe_violations(&self) -> Value {
        let found: Vec<Value> = self
            .violations()
            .iter()
            .map(|violation| {
                let device = violation.device.and_then(|at| self.address(at, Form::Pn));
                json!({
                    "time": violation.at.0,
                    "device": device.map(|jid| jid.to_string()),
                    "rule": violation.rule,
                    "chapter": violation.chapter,
                    "stanza": violation.stanza,
                })
            })
            .collect();
        json!({ "violations": found })
    }
}

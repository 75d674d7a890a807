//! Requests of JSON-RPC 2.0, and errors with their numbers.

use sanswire::OpError;
use serde_json::{Value, json};

/// One request.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// Given back with the answer; none: no answer is wanted.
    pub(super) id: Option<Value>,
    /// `seen`, `ops`, or the name of an operation.
    pub(super) method: String,
    /// Its arguments, by name.
    pub(super) params: Value,
}

/// What went wrong.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Request {
    /// Reads a line; a fault comes with the id to answer under, null when there is none to be found.
    pub(super) fn parse(line: &[u8]) -> Result<Self, (Value, Fault)> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| (Value::Null, Fault::new(-32_700, &format!("not JSON: {error}"))))?;
        let id = value.get("id").cloned();
        let invalid = |why: &str| {
            let known = id.clone().filter(|id| id.is_string() || id.is_number());
            Err((known.unwrap_or(Value::Null), Fault::new(-32_600, why)))
        };
        if !value.is_object() {
            return invalid("a request is one object per line");
        }
        if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return invalid("jsonrpc has to be \"2.0\"");
        }
        if id.as_ref().is_some_and(|id| !(id.is_string() || id.is_number() || id.is_null())) {
            return invalid("an id is a text or a number");
        }
        let Some(method) = value.get("method").and_then(Value::as_str) else {
            return invalid("method has to be a text");
        };
        let params = value.get("params").cloned().unwrap_or_else(|| json!({}));
        if !params.is_object() {
            return Err((id.unwrap_or(Value::Null), Fault::params("params have to be an object")));
        }
        Ok(Self { id, method: method.to_owned(), params })
    }
}

impl Fault {
    fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned(), data: None }
    }

    pub(super) fn no_method(name: &str) -> Self {
        Self::new(-32_601, &format!("no operation is called {name}"))
    }

    pub(super) fn params(why: &str) -> Self {
        Self::new(-32_602, why)
    }

    /// An operation that failed: its own number, and the error as data.
    pub(super) fn of(error: &OpError) -> Self {
        let code = match error {
            OpError::NotLoggedIn => -32_001,
            OpError::Argument(_) => -32_602,
            OpError::QueueFull => -32_002,
            OpError::Refused { .. } => -32_003,
            OpError::NoDevice => -32_004,
            OpError::TimedOut => -32_005,
            OpError::Disconnected => -32_006,
            OpError::StorageRestored => -32_007,
            OpError::Malformed(_) => -32_008,
            OpError::OutOfTurn(_) => -32_009,
            _ => -32_000,
        };
        Self { code, message: error.to_string(), data: serde_json::to_value(error).ok() }
    }

    /// The response under an id.
    pub(super) fn response(&self, id: &Value) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn fault(line: &str) -> (Value, i64) {
        match Request::parse(line.as_bytes()) {
            Err((id, fault)) => (id, fault.code),
            Ok(request) => panic!("{request:?}"),
        }
    }

    #[test]
    fn requests_have_a_method_and_perhaps_an_id_and_params() {
        let read = |line: &str| Request::parse(line.as_bytes());
        let whole = read(r#"{"jsonrpc":"2.0","id":7,"method":"seen","params":{"id":1}}"#);
        let wanted = Request { id: Some(json!(7)), method: "seen".to_owned(), params: json!({ "id": 1 }) };
        assert_eq!(whole, Ok(wanted));
        let bare = read(r#"{"jsonrpc":"2.0","method":"ops"}"#);
        assert_eq!(bare, Ok(Request { id: None, method: "ops".to_owned(), params: json!({}) }));
    }

    #[test]
    fn bad_requests_are_answered_with_their_number() {
        assert_eq!(fault("nonsense"), (Value::Null, -32_700));
        assert_eq!(Request::parse(b"\xff").map_err(|(_, fault)| fault.code), Err(-32_700));
        assert_eq!(fault("[]"), (Value::Null, -32_600));
        assert_eq!(fault("1"), (Value::Null, -32_600));
        assert_eq!(fault(r#"{"id":7,"method":"ops"}"#), (json!(7), -32_600));
        assert_eq!(fault(r#"{"jsonrpc":"2.0","id":7,"method":1}"#), (json!(7), -32_600));
        assert_eq!(fault(r#"{"jsonrpc":"2.0","id":[],"method":"ops"}"#), (Value::Null, -32_600));
        assert_eq!(fault(r#"{"jsonrpc":"2.0","id":7,"method":"ops","params":[1]}"#), (json!(7), -32_602));
    }

    #[test]
    fn operations_fail_with_a_number_and_the_error() {
        let refused = OpError::Refused { code: 429, text: "rate".to_owned(), retry_after_s: Some(3) };
        let response = Fault::of(&refused).response(&json!(1));
        assert_eq!(response["error"]["code"], -32_003);
        assert_eq!(response["error"]["data"]["refused"]["code"], 429);
        assert_eq!(Fault::of(&OpError::TimedOut).code, -32_005);
    }
}

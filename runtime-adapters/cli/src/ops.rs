//! `ops`: every operation with its arguments, as the types themselves define them.

mod probe;

use std::io::Write as _;

use sanswire::ops::{NAMES, Operation};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object per operation: its name, its arguments, an example
    #[arg(long)]
    json: bool,
    /// Only operations whose name begins like this
    prefix: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let prefix = arguments.prefix.as_deref().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for described in all().filter(|described| described.name.starts_with(prefix)) {
        let text = if arguments.json { described.json().to_string() } else { described.for_people() };
        writeln!(out, "{text}").map_err(Failure::Output)?;
    }
    Ok(())
}

/// An operation of this name with these arguments.
pub(crate) fn operation(name: &str, arguments: &Value) -> Result<Operation, String> {
    let whole = json!({ "name": name, "args": arguments });
    serde_json::from_value(whole).map_err(|error| error.to_string())
}

/// What is known of one operation.
pub(crate) struct Described {
    name: &'static str,
    arguments: Vec<Argument>,
    /// Arguments with which the operation can be called.
    example: Value,
}

struct Argument {
    name: String,
    kind: String,
    optional: bool,
}

/// All operations, in the order of the registry.
pub(crate) fn all() -> impl Iterator<Item = Described> {
    NAMES.iter().map(|name| describe(name))
}

impl Described {
    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let arguments: Map<String, Value> = self
            .arguments
            .iter()
            .map(|it| (it.name.clone(), json!({ "type": it.kind, "optional": it.optional })))
            .collect();
        json!({ "name": self.name, "arguments": arguments, "example": self.example })
    }

    fn for_people(&self) -> String {
        let mut text = self.name.to_owned();
        let width = self.arguments.iter().map(|it| it.name.len()).max().unwrap_or(0);
        for Argument { name, kind, optional } in &self.arguments {
            let optional = if *optional { ", optional" } else { "" };
            text += &format!("\n    {name:width$}  {kind}{optional}");
        }
        text
    }
}

fn describe(name: &'static str) -> Described {
    let probed = probe::sample(name);
    let choices = probed.as_ref().map(|probed| probed.choices.clone()).unwrap_or_default();
    let written = EXAMPLES.iter().find(|(known, _)| *known == name);
    let example = match (probed, written) {
        (_, Some((_, text))) => serde_json::from_str(text).unwrap_or(Value::Null),
        (Some(probed), None) => probed.arguments,
        (None, None) => Value::Null,
    };
    let fields = example.as_object().cloned().unwrap_or_default();
    let arguments = fields.iter().map(|(field, value)| {
        let mut without = fields.clone();
        without.remove(field);
        let optional = operation(name, &Value::Object(without)).is_ok();
        let kind = match choices.get(field) {
            Some(choices) => format!("one of {}", choices.join(", ")),
            None => kind_of(value),
        };
        Argument { name: field.clone(), kind, optional }
    });
    Described { name, arguments: arguments.collect(), example: Value::Object(fields.clone()) }
}

/// What a value of an example stands for.
fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "any".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => probe::meaning(text).to_owned(),
        Value::Array(items) => match items.first() {
            Some(item) => format!("list of {}", kind_of(item)),
            None => "list".to_owned(),
        },
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            format!("object ({})", names.join(", "))
        }
    }
}

/// Arguments that the types do not show, because fields of several structs stand side by side.
const EXAMPLES: &[(&str, &str)] = &[(
    "message.send",
    r#"{"to": "15550001111@s.whatsapp.net",
        "content": {"text": {"body": "some text"}},
        "context": {"quote": {"id": "some text", "sender": "15550001111@s.whatsapp.net"},
                    "mentions": ["15550001111@s.whatsapp.net"]},
        "id": "some text",
        "audience": {"users": ["15550001111@s.whatsapp.net"], "kind": "contacts"}}"#,
)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_and_its_example_is_one() {
        for described in all() {
            let made = operation(described.name, &described.example);
            assert!(made.is_ok_and(|made| made.name() == described.name), "{}", described.name);
        }
        for (name, _) in EXAMPLES {
            assert!(NAMES.contains(name), "{name} is no operation any more");
        }
    }

    #[test]
    fn arguments_have_kinds_and_may_be_optional() {
        let of = |name| describe(name).json()["arguments"].clone();
        let pair = of("link.pair_code");
        assert_eq!(pair["phone"], json!({ "type": "text", "optional": false }));
        assert_eq!(pair["code"], json!({ "type": "text", "optional": true }));
        assert_eq!(pair["notify"], json!({ "type": "true or false", "optional": true }));
        let read = of("message.mark_read");
        assert_eq!(read["chat"], json!({ "type": "address", "optional": false }));
        assert_eq!(read["ids"], json!({ "type": "list of text", "optional": false }));
        assert_eq!(of("message.send")["context"]["optional"], true);
        assert_eq!(describe("link.logout").for_people(), "link.logout");
    }
}

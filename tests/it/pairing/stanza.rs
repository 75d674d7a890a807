//! Stanzas as the vectors write them: `{tag, attrs, content}`, where a JID is a text with an `@`.

use sanswire::wire::{Content, Jid, Node};
use serde_json::{Map, Value, json};

use crate::vectors::{hex, to_hex};

/// The stanza that a JSON tree describes.
pub(super) fn from_json(tree: &Value) -> Node<'static> {
    let mut node = Node::new(tree["tag"].as_str().expect("nodes have tags").to_owned());
    for (name, value) in tree["attrs"].as_object().expect("nodes have attributes") {
        let value = value.as_str().expect("attributes are text");
        node = match Jid::parse(value) {
            Ok(jid) if value.contains('@') => node.attr(name.clone(), jid.into_owned()),
            _ => node.attr(name.clone(), value.to_owned()),
        };
    }
    match &tree["content"] {
        Value::Array(children) => node.children(children.iter().map(from_json)),
        Value::Object(object) => node.bytes(hex(object["bytes"].as_str().expect("bytes are hex"))),
        Value::String(text) => node.text(text.clone()),
        _ => node,
    }
}

/// The JSON tree of a stanza.
pub(super) fn to_json(node: &Node<'_>) -> Value {
    let attrs: Map<String, Value> =
        node.view().attrs().map(|(key, value)| (key.into_owned(), json!(value.into_text()))).collect();
    let mut tree = json!({ "tag": node.tag, "attrs": attrs });
    match &node.content {
        Content::None => {}
        Content::Nodes(nodes) => tree["content"] = nodes.iter().map(to_json).collect(),
        _ => tree["content"] = json!({ "bytes": to_hex(&node.content_bytes().unwrap()) }),
    }
    tree
}

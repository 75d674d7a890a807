//! Stanzas as XML-like text, for logs, tests and people.
//!
//! Written as the reference writes its examples (Reference 03 §3):
//! `<iq to=@s.whatsapp.net id="1.2-3"><ping/></iq>`: text values are quoted, JIDs are not. Binary content is
//! hex and cut short; `{:#}` puts one node on a line.

use alloc::string::ToString;
use core::fmt::{self, Write};

use super::attrs::Value;
use super::node::Node;
use super::view::{ContentRef, NodeRef};

impl fmt::Display for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_node(f, *self, 0)
    }
}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

fn write_node(f: &mut fmt::Formatter<'_>, node: NodeRef<'_>, depth: usize) -> fmt::Result {
    let tag = node.tag();
    f.write_char('<')?;
    write_escaped(f, &tag)?;
    for (key, value) in node.attrs() {
        f.write_char(' ')?;
        write_escaped(f, &key)?;
        match value {
            Value::Text(text) => {
                f.write_str("=\"")?;
                write_escaped(f, &text)?;
                f.write_char('"')?;
            }
            Value::Jid(jid) => {
                f.write_char('=')?;
                write_escaped(f, &jid.to_string())?;
            }
        }
    }
    match node.content() {
        ContentRef::None => return f.write_str("/>"),
        ContentRef::Nodes(nodes) => {
            f.write_char('>')?;
            let mut any = false;
            for child in nodes {
                any = true;
                indent(f, depth + 1)?;
                write_node(f, child, depth + 1)?;
            }
            if any {
                indent(f, depth)?;
            }
        }
        ContentRef::Bytes(bytes) => {
            f.write_char('>')?;
            write_bytes(f, &bytes)?;
        }
        ContentRef::Text(text) => {
            f.write_str(">\"")?;
            write_escaped(f, &text)?;
            f.write_char('"')?;
        }
        ContentRef::Jid(jid) => {
            f.write_char('>')?;
            write_escaped(f, &jid.to_string())?;
        }
    }
    f.write_str("</")?;
    write_escaped(f, &tag)?;
    f.write_char('>')
}

fn indent(f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    if f.alternate() {
        f.write_char('\n')?;
        for _ in 0..depth {
            f.write_str("  ")?;
        }
    }
    Ok(())
}

/// Hex of the first bytes, and the length when there are more.
fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for byte in bytes.iter().take(BYTES_SHOWN) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > BYTES_SHOWN {
        write!(f, "…({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// Text without the characters that would end it, and without line breaks.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("&quot;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '&' => f.write_str("&amp;")?,
            letter if letter.is_control() => write!(f, "&#x{:x};", u32::from(letter))?,
            letter => f.write_char(letter)?,
        }
    }
    Ok(())
}

const BYTES_SHOWN: usize = 32;

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::wire::{Jid, Node};

    #[test]
    fn stanzas_print_as_xml_like_text() {
        let ping = Node::new("iq").attr("to", Jid::SERVER).attr("id", "1.2-3").child(Node::new("ping"));
        assert_eq!(format!("{ping}"), "<iq to=@s.whatsapp.net id=\"1.2-3\"><ping/></iq>");
        assert_eq!(format!("{ping:#}"), "<iq to=@s.whatsapp.net id=\"1.2-3\">\n  <ping/>\n</iq>");
        let body = Node::new("body").attr("n", "a\"<\n").bytes(&[0xab; 33][..]);
        assert_eq!(
            format!("{body}"),
            format!("<body n=\"a&quot;&lt;&#xa;\">{}…(33 bytes)</body>", "ab".repeat(32))
        );
        let empty = Node::new("list").children([]);
        assert_eq!(format!("{empty:#}"), "<list></list>");
        assert_eq!(format!("{}", Node::new("a").text("b>")), "<a>\"b&gt;\"</a>");
    }
}

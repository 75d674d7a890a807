//! Compiles `whatsapp/*.proto` and `records/*.proto` with protox and prost-build: no protoc, no network.

use core::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use protox::prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        sources.extend(proto_files(Path::new(folder))?);
    }
    for source in &sources {
        println!("cargo::rerun-if-changed={}", source.display());
    }
    let descriptors = protox::compile(&sources, ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    let mut config = prost_build::Config::new();
    config.bytes(["."]).btree_map(["."]);
    for field in wide_message_fields(&descriptors) {
        config.boxed(field);
    }
    config.skip_debug(SECRET);
    config.compile_fds(descriptors)?;
    Ok(())
}

/// The paths of all singular message fields of [`WIDE`] messages.
fn wide_message_fields(descriptors: &FileDescriptorSet) -> Vec<String> {
    let mut paths = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            collect_wide(&format!(".{}", file.package()), message, &mut paths);
        }
    }
    paths
}

fn collect_wide(scope: &str, message: &DescriptorProto, paths: &mut Vec<String>) {
    let name = format!("{scope}.{}", message.name());
    if WIDE.contains(&name.as_str()) {
        let boxed = message.field.iter().filter(|field| {
            field.r#type() == Type::Message && field.label() != Label::Repeated && field.oneof_index.is_none()
        });
        paths.extend(boxed.map(|field| format!("{name}.{}", field.name())));
    }
    for nested in &message.nested_type {
        collect_wide(&name, nested, paths);
    }
}

/// The `.proto` files of one folder in a fixed order, so that the generated code is too.
fn proto_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

const FOLDERS: [&str; 2] = ["records", "whatsapp"];

/// Messages with dozens of message fields of which few are ever set: their message fields are boxed, or a plain
/// text would be moved around as many kilobytes of `None`.
const WIDE: [&str; 7] = [
    ".whatsapp.BotMetadata",
    ".whatsapp.ContextInfo",
    ".whatsapp.Message",
    ".whatsapp.Message.ProtocolMessage",
    ".whatsapp.MessageContextInfo",
    ".whatsapp.SyncActionValue",
    ".whatsapp.WebMessageInfo",
];

/// Records that hold keys or plaintext: `src/redact.rs` gives them a `Debug` that shows neither.
const SECRET: [&str; 18] = [
    ".sanswire.records.v1.AppStateKey",
    ".sanswire.records.v1.Credentials",
    ".sanswire.records.v1.InboxEntry",
    ".sanswire.records.v1.MessageSecret",
    ".sanswire.records.v1.OutboxEntry",
    ".sanswire.records.v1.PreKey",
    ".sanswire.records.v1.PrivacyToken",
    ".sanswire.records.v1.ReceivedEntry",
    ".sanswire.records.v1.ReceivingChain",
    ".sanswire.records.v1.SenderKeyRecord",
    ".sanswire.records.v1.SenderKeyState",
    ".sanswire.records.v1.SendingChain",
    ".sanswire.records.v1.SentMessage",
    ".sanswire.records.v1.Session",
    ".sanswire.records.v1.SessionRecord",
    ".sanswire.records.v1.SignedPreKey",
    ".sanswire.records.v1.SkippedKey",
    ".sanswire.records.v1.TokenSalt",
];

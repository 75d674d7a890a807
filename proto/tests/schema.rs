//! The compiled schema against the tables of facts in `fixtures/schema`: the same messages, fields, numbers,
//! labels, types, oneofs, packing and enum values, no more and no less.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Message and number of a field, to what the tables say about it.
type Fields = BTreeMap<(String, i32), Field>;
/// Enum and name of a value, to its number.
type Values = BTreeMap<(String, String), i32>;

#[derive(Debug, PartialEq)]
struct Field {
    name: String,
    label: &'static str,
    kind: String,
    oneof: String,
    packed: &'static str,
}

#[derive(Default)]
struct Schema {
    messages: BTreeSet<String>,
    fields: Fields,
    values: Values,
}

#[test]
fn every_field_of_the_tables_is_in_the_schema_and_no_other() {
    let (tables, compiled) = (from_tables(), from_descriptors());
    assert_eq!(tables.fields.len(), 2937);
    for (field, stated) in &tables.fields {
        assert_eq!(compiled.fields.get(field), Some(stated), "{field:?}");
    }
    for (field, found) in &compiled.fields {
        assert!(tables.fields.contains_key(field), "{field:?} {found:?} is in no table");
    }
}

#[test]
fn every_message_of_the_tables_is_in_the_schema_and_no_other() {
    let (tables, compiled) = (from_tables(), from_descriptors());
    assert_eq!(tables.messages.len(), 601);
    assert_eq!(compiled.messages, tables.messages);
}

#[test]
fn every_enum_value_of_the_tables_is_in_the_schema_and_no_other() {
    let (tables, compiled) = (from_tables(), from_descriptors());
    assert_eq!(tables.values.len(), 1436);
    assert_eq!(compiled.values, tables.values);
}

#[test]
fn every_file_is_proto2_so_that_each_singular_field_has_presence() {
    for file in descriptors().file {
        // A descriptor of a proto2 file names no syntax.
        assert!(matches!(file.syntax(), "" | "proto2"), "{}", file.name());
    }
}

fn from_tables() -> Schema {
    let mut schema = Schema::default();
    schema.messages.insert(FIELDLESS.to_string());
    for row in rows(include_str!("../../fixtures/schema/schema.tsv"), 8)
        .chain(rows(include_str!("../../fixtures/schema/schema-extra.tsv"), 10))
    {
        let (message, number) = (row[0].to_string(), row[2].parse().unwrap());
        let name = if (row[0], number) == TWICE_NAMED { TWICE_NAMED_AS } else { row[1] };
        assert_eq!(row[7], "-", "no field has a default");
        let field = Field {
            name: name.to_string(),
            label: one_of(row[3], &["optional", "repeated"]),
            kind: row[4].to_string(),
            oneof: row[5].to_string(),
            packed: one_of(row[6], &["yes", "undeclared", "-"]),
        };
        schema.messages.insert(message.clone());
        let twice = schema.fields.insert((message, number), field);
        assert_eq!(twice, None, "two rows for one field");
    }
    for row in rows(include_str!("../../fixtures/schema/enums.tsv"), 3)
        .chain(rows(include_str!("../../fixtures/schema/enums-extra.tsv"), 5))
    {
        if row[0] == RENAMED_ENUM {
            continue;
        }
        let prefix = if row[0] == PREFIXED_ENUM { PREFIX } else { "" };
        let key = (row[0].to_string(), format!("{prefix}{}", row[1]));
        let twice = schema.values.insert(key, row[2].parse().unwrap());
        assert_eq!(twice, None, "two rows for one value");
    }
    schema
}

fn rows(table: &'static str, columns: usize) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).map(move |line| {
        let row: Vec<_> = line.split('\t').collect();
        assert_eq!(row.len(), columns, "{line}");
        row
    })
}

fn one_of(cell: &str, known: &[&'static str]) -> &'static str {
    known.iter().find(|known| **known == cell).unwrap()
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(&include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"))[..]).unwrap()
}

fn from_descriptors() -> Schema {
    let mut schema = Schema::default();
    for file in descriptors().file.iter().filter(|file| file.package() == "whatsapp") {
        for message in &file.message_type {
            schema.add_message("", message);
        }
        for values in &file.enum_type {
            schema.add_enum("", values);
        }
    }
    schema
}

impl Schema {
    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}{}", message.name());
        let inner = format!("{name}.");
        assert!(self.messages.insert(name.clone()), "{name} twice");
        let is_map =
            |nested: &&DescriptorProto| nested.options.as_ref().is_some_and(|options| options.map_entry());
        for field in &message.field {
            let entry = message
                .nested_type
                .iter()
                .filter(is_map)
                .find(|entry| field.type_name() == format!(".whatsapp.{inner}{}", entry.name()));
            let oneof =
                field.oneof_index.map(|index| message.oneof_decl[usize::try_from(index).unwrap()].name());
            let stated = Field {
                name: field.name().to_string(),
                label: if field.label() == Label::Repeated { "repeated" } else { "optional" },
                kind: entry.map_or_else(|| kind(field), map_kind),
                oneof: oneof.unwrap_or("-").to_string(),
                packed: packed(field),
            };
            assert_ne!(field.label(), Label::Required, "{name}.{}", field.name());
            self.fields.insert((name.clone(), field.number()), stated);
        }
        for nested in message.nested_type.iter().filter(|nested| !is_map(nested)) {
            self.add_message(&inner, nested);
        }
        for values in &message.enum_type {
            self.add_enum(&inner, values);
        }
    }

    fn add_enum(&mut self, scope: &str, values: &EnumDescriptorProto) {
        for value in &values.value {
            let key = (format!("{scope}{}", values.name()), value.name().to_string());
            self.values.insert(key, value.number());
        }
    }
}

fn map_kind(entry: &DescriptorProto) -> String {
    let [key, value] = &entry.field[..] else { unreachable!("a map entry has two fields") };
    format!("map<{},{}>", kind(key), kind(value))
}

fn kind(field: &FieldDescriptorProto) -> String {
    if let Some(name) = &field.type_name {
        return name.strip_prefix(".whatsapp.").unwrap().to_string();
    }
    // `TYPE_UINT32` is `uint32` in a proto file.
    field.r#type().as_str_name().strip_prefix("TYPE_").unwrap().to_lowercase()
}

fn packed(field: &FieldDescriptorProto) -> &'static str {
    let scalar = !matches!(field.r#type(), Type::String | Type::Bytes | Type::Message | Type::Group);
    match (
        field.label() == Label::Repeated && scalar,
        field.options.as_ref().and_then(|options| options.packed),
    ) {
        (false, _) => "-",
        (true, Some(true)) => "yes",
        (true, _) => "undeclared",
    }
}

/// The one message without fields; it has no row.
const FIELDLESS: &str = "BotFeedbackMessage.SideBySideSurveyMetadata.SidebySideSurveyMetaAiAnalyticsData.\
                         SideBySideSurveyCardImpressionEventData";
/// Clients moved `pollResultSnapshotMessageV3` from 114 to 115: the old number has another name here.
const TWICE_NAMED: (&str, i32) = ("Message", 114);
const TWICE_NAMED_AS: &str = "pollResultSnapshotMessageV3At114";
/// `LimitSharing.TriggerType` under its newer name, with the same values: left out.
const RENAMED_ENUM: &str = "LimitSharing.Trigger";
/// Its values would clash with those of `ADVEncryptionType` in the same scope.
const PREFIXED_ENUM: &str = "HostedState";
const PREFIX: &str = "HOSTED_STATE_";

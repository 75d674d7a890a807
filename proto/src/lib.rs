//! The protobuf schema.

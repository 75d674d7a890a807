//! Durable storage for sanswire records: memory and SQLite.

//! Sockets, TLS and timers for sanswire on tokio.

//! App-state collections: fetch answers. Reference 09 §7, 14 §13.

use sanswire::wire::Node;

use super::accept::ConnId;
use super::{DeviceRef, Server};

impl Server {
    /// Answers a fetch: every collection asked for is there, empty and at version 0, since nobody has written
    /// to it. A push is refused: this server keeps no patches.
    pub(crate) fn take_app_state(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let collections: Vec<_> = iq.find("sync").into_iter().flat_map(Node::nodes).collect();
        if collections.is_empty() || collections.iter().any(|collection| collection.get("name").is_none()) {
            self.violation(Some(at), iq, "a sync needs named collections", "09 §7");
            return self.refuse(conn, iq, 400, "bad-request");
        }
        if collections.iter().any(|collection| !collection.nodes().is_empty()) {
            return self.refuse(conn, iq, 501, "feature-not-implemented");
        }
        let answers = collections.iter().map(|collection| {
            Node::new("collection")
                .attr("name", collection.get("name").unwrap_or_default().into_owned())
                .attr("version", "0")
                .attr("has_more_patches", "false")
        });
        let answer = Node::new("sync").children(answers.collect::<Vec<_>>());
        self.result(conn, iq, Some(answer));
    }
}

//! Attack 20, where it ends: what is said of a file reaches a real installer as it was said. That pages themselves are
//! read back by every parser is tested with the pages.

use depot_tests::{Clients, WheelBuilder, counted};
use serde_json::json;

use crate::python::index::Index;

/// Reasons for a yank that would end an attribute, a tag, a string or a line.
const REASONS: [&str; 10] = [
    "\"><a href=\"http://evil.example/lid-9-py3-none-any.whl\">lid-9-py3-none-any.whl</a>",
    "' onmouseover='alert(1)",
    "</a></body></html>",
    "<!-- and --> <script>alert(1)</script>",
    "&quot;&gt;&lt;b&gt;",
    "\\\"},{\"filename\":\"lid-9-py3-none-any.whl\",\"url\":\"http://evil.example/\"",
    "]]>\u{2028}",
    "100% {broken} ${HOME} $(id) `id` %s %n",
    "caf\u{e9} \u{1f375} \u{202e}desrever",
    "<base href=\"http://evil.example/\"><meta name=\"pypi:repository-version\" content=\"99\">",
];

#[test]
fn installers_read_hostile_facts_as_they_were_said() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("lid", "0.1"));
    for (number, reason) in REASONS.iter().enumerate() {
        let wheel = WheelBuilder::new("lid", &format!("{}.0", number + 1));
        depot.publish_with(&wheel, &json!({ "yanked": reason }));
        // A requirement that is no requirement hides its own file at the most.
        let odd = WheelBuilder::new("lid", &format!("{}.5", number + 1));
        depot.publish_copy(&odd, &json!({ "requires-python": reason }));
    }
    for uv in [false, true] {
        let room = clients.room();
        let url = depot.url();
        let install =
            |args: &[&str]| if uv { room.uv_install(&url, args) } else { room.pip_install(&url, args) };
        install(&["lid<1"]).assert_success();
        assert_eq!(room.installed_version("lid"), "0.1", "uv: {uv}");
        // One of them is installed by name, and its reason is shown whole.
        let output = install(&["lid==1.0"]).assert_success();
        assert_eq!(room.installed_version("lid"), "1.0", "uv: {uv}");
        let said = output.stderr.replace('\n', " ").replace("  ", " ");
        assert!(said.contains(REASONS[0]), "uv: {uv}: {said}");
        assert!(!install(&["lid==9"]).success() || room.installed_version("lid") == "9.0");
    }
    counted("attack 20", "hostile facts that pip and uv were given", REASONS.len() as u64 * 2);
}

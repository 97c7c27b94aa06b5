//! Requests whose end two readers could see in different places (attack 25): whatever is hidden behind the first is never
//! answered as a second, unless every reader of the standard sees it there.

mod bodies;
mod heads;

use depot_tests::{RawResponse, counted};

use super::exchange::{Ending, Exchange};
use crate::python::depot::{Depot, listing, mirrored};

/// The request that hides. Its path leaves a trace in the answer.
const HIDDEN: &[u8] = b"GET /hidden-request HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n";

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// One refusal, and the connection is closed.
    Refused,
    /// At most one answer, whatever it says, and the connection is closed.
    Closed,
    /// The standard leaves no doubt: the first request is answered with a status of this class, then the second.
    Understood(u16),
    /// The standard lets a server choose between refusing and understanding.
    Either,
}

/// One case: what it is, the bytes before the hidden request, and what must come of them.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    verdict: Verdict,
}

fn case(name: &'static str, verdict: Verdict, bytes: impl AsRef<[u8]>) -> Case {
    Case { name, bytes: bytes.as_ref().to_vec(), verdict }
}

/// The same cases with another target.
fn at(cases: Vec<Case>, target: &str) -> Vec<Case> {
    let from = b"/healthz";
    let moved = |mut case: Case| {
        if let Some(start) = case.bytes.windows(from.len()).position(|window| window == from) {
            case.bytes.splice(start..start + from.len(), target.bytes());
        }
        case
    };
    cases.into_iter().map(moved).collect()
}

/// What is wrong with how a case was answered.
fn fault(case: &Case, seen: &Exchange) -> Option<String> {
    let statuses = seen.statuses();
    let is_refusal = |answer: &RawResponse| (400..500).contains(&answer.status) || answer.status == 501;
    let hidden_answered = statuses.len() > 1;
    let closed = seen.ending == Ending::Closed;
    let refused = statuses.len() == 1 && is_refusal(&seen.answers[0]) && closed;
    // Both were answered, and the second as what it is: nothing is served at its path.
    let understood = statuses.len() == 2 && statuses[1] == 404 && closed;
    let well = match case.verdict {
        Verdict::Refused => refused,
        Verdict::Closed => !hidden_answered && closed,
        Verdict::Understood(class) => understood && statuses[0] / 100 == class,
        Verdict::Either => refused || understood,
    };
    let bad_form = statuses.iter().any(|status| *status >= 500 && *status != 501);
    (!well || bad_form)
        .then(|| format!("{} ({:?}): {statuses:?}, then {:?}", case.name, case.verdict, seen.ending))
}

/// Tries every case with the hidden request behind it, and fails with all that went wrong at once.
fn try_all(depot: &Depot, cases: &[Case], what: &str) {
    let before = listing(&depot.tree());
    let mut faults = Vec::new();
    for case in cases {
        let bytes = [case.bytes.as_slice(), HIDDEN].concat();
        faults.extend(fault(case, &Exchange::of(depot.url(), &bytes)));
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
    depot.assert_tmp_is_empty();
    assert_eq!(listing(&depot.tree()), before, "something was stored");
    counted("attack 25", what, cases.len() as u64);
}

/// A server, and the head of an upload that it would take if its body were what [`BODY`] is: all but the empty line.
fn awaiting() -> (Depot, String) {
    let depot = Depot::start();
    let answer = depot.announce("teapot", &mirrored(FILENAME, BODY));
    assert_eq!(answer.status, 202, "{}", answer.text());
    let token = depot.token();
    let head = format!(
        "PUT /python/simple/teapot/{FILENAME} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {token}\r\n"
    );
    // What is announced waits in `tmp/` until it comes; here it waits in memory or there, and is no trace of a case.
    (depot, head)
}

const FILENAME: &str = "teapot-1.0.tar.gz";
const BODY: &[u8] = b"abc";

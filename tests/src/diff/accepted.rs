//! The kinds of difference to rtpengine 10.5.3 that the specification asks for, each with its rule. A kind that is
//! not here is a failure.

use super::compare::Difference;

/// One accepted kind.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The kind, exactly.
    pub kind: &'static str,
    /// Which of its differences; others of the same kind still fail.
    pub when: fn(&Difference) -> bool,
    /// The rule.
    pub rule: &'static str,
}

#[allow(dead_code)]
fn always(_: &Difference) -> bool {
    true
}

/// The table.
pub const TABLE: &[Accepted] = &[];

/// The rule that accepts a difference.
#[must_use]
pub fn rule(difference: &Difference) -> Option<&'static str> {
    let mut rows = TABLE.iter().filter(|row| row.kind == difference.kind);
    rows.find(|row| (row.when)(difference)).map(|row| row.rule)
}

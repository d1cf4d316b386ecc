//! The rooms of all methods, from the register.

use crate::bounds::tiers::Tiers;
use crate::problem::{Method, VectorNorm, every_method};
use crate::room::{Room, Run};
use crate::{bounds, estimate, mip, search};

macro_rules! take {
    ($($variant:ident $name:literal $($room:ident)::+,)*) => {
        /// The room of a method.
        pub fn room(method: Method) -> &'static Room {
            match method {
                $(Method::$variant => &$($room)::+,)*
            }
        }
    };
}
every_method!(take);

/// The value of a method that follows from the bounds of the pre-activations; `None` for the others, where it has no value, and
/// when the solve was asked to end.
pub fn tier(method: Method, tiers: &Tiers<'_>) -> Option<f64> {
    match room(method).run {
        Run::Tier(bound) => bound(tiers),
        Run::Visit(_) => None,
    }
}

/// What every method says of itself, a line each: name, side, what it does.
pub fn described() -> String {
    let line =
        |&method: &Method| format!("{:<16} {:<6} {}", method.name(), room(method).side.word(), room(method).about);
    Method::IN_ORDER.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The same as a table in Markdown, with the norm that a method works in and the questions that it answers.
pub fn table() -> String {
    let norm = |norm: Option<VectorNorm>| match norm {
        None => "as asked",
        Some(VectorNorm::Linf) => "linf",
        Some(VectorNorm::L1) => "l1",
        Some(VectorNorm::L2) => "l2",
    };
    let line = |&method: &Method| {
        let room = room(method);
        let (side, native) = (room.side.word(), norm(room.native_norm));
        format!("| `{method}` | {side} | {native} | {} | {} |\n", room.about, room.scope.in_words())
    };
    let heading = "| method | side | norm | how | answers |\n|---|---|---|---|---|\n";
    heading.to_owned() + &Method::IN_ORDER.iter().map(line).collect::<String>()
}

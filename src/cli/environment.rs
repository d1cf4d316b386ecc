//! The environment variables of flags: each belongs to one command, so that what is set for one changes no other.
//!
//! `serve` and `solve` have the short names (`EXACTLIP_LISTEN`, `EXACTLIP_NETWORK`), which they share with nobody; every other
//! command's carry its name (`EXACTLIP_SUBMIT_NETWORK`, `EXACTLIP_BENCH_RADIUS_RADII`). What means the same everywhere is
//! common: the service's database and address, the key for it, how long it is waited for, and the log.

use clap::Command;

/// The commands with short names.
const SHORT: [&str; 2] = ["serve", "solve"];
/// The flags that mean the same wherever they stand.
const COMMON: [&str; 7] = [
    "EXACTLIP_DATABASE",
    "EXACTLIP_URL",
    "EXACTLIP_KEY",
    "EXACTLIP_PATIENCE_S",
    "EXACTLIP_LOG",
    "EXACTLIP_LOG_FORMAT",
    "EXACTLIP_JSON",
];

/// The program's commands with the names of their variables.
pub(super) fn named(program: Command) -> Command {
    program.mut_subcommands(|command| within(command, &[]))
}

fn within(command: Command, above: &[String]) -> Command {
    let mut path = above.to_vec();
    path.push(command.get_name().to_uppercase().replace('-', "_"));
    if above.is_empty() && SHORT.contains(&command.get_name()) {
        return command;
    }
    let prefix = format!("EXACTLIP_{}", path.join("_"));
    let command = command.mut_args(|flag| match flag.get_env().and_then(|name| name.to_str()) {
        Some(name) if !COMMON.contains(&name) => {
            let name = format!("{prefix}_{}", flag.get_id().as_str().to_uppercase());
            // The command line is read once.
            flag.env(&*name.leak())
        }
        _ => flag,
    });
    command.mut_subcommands(|command| within(command, &path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::CommandFactory;

    use super::*;

    fn collect(command: &Command, path: &str, found: &mut BTreeMap<String, Vec<String>>) {
        for name in command.get_arguments().filter_map(|flag| flag.get_env()?.to_str()) {
            found.entry(name.to_owned()).or_default().push(path.to_owned());
        }
        for command in command.get_subcommands() {
            collect(command, &format!("{path} {}", command.get_name()), found);
        }
    }

    #[test]
    fn a_variable_belongs_to_one_command() {
        let mut found = BTreeMap::new();
        collect(&named(super::super::Arguments::command()), "exactlip", &mut found);
        assert_eq!(found["EXACTLIP_NETWORK"], ["exactlip solve"]);
        assert_eq!(found["EXACTLIP_DATABASE"], ["exactlip serve", "exactlip keys"]);
        assert_eq!(found["EXACTLIP_LIST_NETWORK"], ["exactlip list"]);
        for (name, commands) in &found {
            assert!(commands.len() == 1 || COMMON.contains(&name.as_str()), "{name}: {commands:?}");
        }
    }
}

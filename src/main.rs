//! The command line; see [`exactlip::cli`].

fn main() -> std::process::ExitCode {
    exactlip::cli::main()
}

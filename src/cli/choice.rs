//! The flags that choose what of a file is the network.

use clap::Args;

use super::input::BadInput;
use crate::http::Code;
use crate::network::import::{Choice, fixed};

/// What of the network's file is taken.
#[derive(Args, Debug)]
pub(super) struct Chosen {
    /// The output of the graph to take [default: the first float tensor that depends on the input].
    #[arg(long, env = "EXACTLIP_OUTPUT", value_name = "NAME", allow_hyphen_values = true)]
    output: Option<String>,
    /// An input of the graph that is a constant, with the value of all its entries; may be given several times.
    #[arg(long, env = "EXACTLIP_FIX", value_name = "NAME=VALUE", value_parser = fixed, allow_hyphen_values = true)]
    fix: Vec<(String, f64)>,
    /// Whether a Softmax, LogSoftmax or Sigmoid at the end is part of the function [default: behind a single output only].
    #[arg(
        long,
        env = "EXACTLIP_KEEP_OUTPUT_ACTIVATION",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    keep_output_activation: Option<bool>,
}

impl Chosen {
    /// The choice.
    pub(super) fn choice(&self) -> Result<Choice, BadInput> {
        let mut choice = Choice {
            output: self.output.clone(),
            keep_output_activation: self.keep_output_activation,
            ..Choice::default()
        };
        choice
            .fix(self.fix.iter().cloned())
            .map_err(|detail| BadInput::new(Code::BadRequest, format!("fix: {detail}")))?;
        Ok(choice)
    }
}

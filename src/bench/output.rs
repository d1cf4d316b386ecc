//! The table as text (laid out as LipMIP's Table 1), as CSV and as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::table::{Row, Spread, Table};
use crate::problem::Guarantee;

pub(super) fn side(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Lower => "lower",
        Guarantee::Upper => "upper",
        Guarantee::Exact => "exact",
        Guarantee::None => "none",
    }
}

/// Lines for people: a method a line; for each kind of network seconds, seconds of processor time and relative error.
pub fn text(table: &Table) -> String {
    let mut lines = format!("{:<16} {:<9}", "method", "guarantee");
    for part in &table.parts {
        let _ = write!(lines, " | {:^56}", format!("{} {:?}", part.data, part.widths));
    }
    lines.push('\n');
    let _ = write!(lines, "{:<26}", "");
    for _ in &table.parts {
        let _ = write!(lines, " | {:>17} {:>17} {:>20}", "seconds", "processor time", "relative error");
    }
    lines.push('\n');
    for (i, row) in table.parts.first().map_or(&[][..], |part| &part.rows).iter().enumerate() {
        let _ = write!(lines, "{:<16} {:<9}", row.method.name(), side(row.guarantee));
        for part in &table.parts {
            let row = &part.rows[i];
            let spread = |s: Option<Spread>| s.map_or("–".into(), |s| format!("{:.3} ± {:.3}", s.mean, s.deviation));
            let (seconds, processor) = (spread(row.seconds), spread(row.processor_seconds));
            let error = row.relative_error;
            let error = error.map_or("–".into(), |e| format!("{:+.2}% ± {:.2}", 100.0 * e.mean, 100.0 * e.deviation));
            let _ = write!(lines, " | {seconds:>17} {processor:>17} {error:>20}");
        }
        lines.push('\n');
    }
    for part in &table.parts {
        let _ = writeln!(
            lines,
            "{}: {} networks {:?} on {}, mean training accuracy {:.1}%, {} solved exactly",
            part.data,
            part.networks,
            part.widths,
            part.domain,
            100.0 * part.accuracy,
            part.exact
        );
        for row in part.rows.iter().filter(|row| row.values < part.networks) {
            let reason = row.reason.as_deref().unwrap_or("not run before the time limit");
            let _ = writeln!(lines, "  {}: {} of {} values: {reason}", row.method, row.values, part.networks);
        }
    }
    lines
}

/// One line a method and kind of network.
pub fn csv(table: &Table) -> String {
    let mut lines = String::from(
        "data,method,guarantee,networks,values,seconds_mean,seconds_sd,processor_mean,processor_sd,relative_error_mean,relative_error_sd,\
         relative_error_least,relative_error_most\n",
    );
    for part in &table.parts {
        for row in &part.rows {
            let Row { method, guarantee, values, seconds, processor_seconds, relative_error, .. } = row;
            let field = |spread: &Option<Spread>, pick: fn(&Spread) -> f64| {
                spread.as_ref().map_or(String::new(), |spread| pick(spread).to_string())
            };
            let numbers = [
                field(seconds, |s| s.mean),
                field(seconds, |s| s.deviation),
                field(processor_seconds, |s| s.mean),
                field(processor_seconds, |s| s.deviation),
                field(relative_error, |s| s.mean),
                field(relative_error, |s| s.deviation),
                field(relative_error, |s| s.least),
                field(relative_error, |s| s.most),
            ];
            let (data, networks, side) = (part.data, part.networks, side(*guarantee));
            let _ = writeln!(lines, "{data},{method},{side},{networks},{values},{}", numbers.join(","));
        }
    }
    lines
}

/// All of a comparison.
///
/// # Errors
/// Those of the serialiser.
pub fn json(table: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::chart;
    use crate::bench::table::{Part, methods};

    fn table() -> Table {
        let rows = methods().into_iter().enumerate().map(|(i, method)| Row {
            method,
            guarantee: Guarantee::Upper,
            values: if i == 0 { 0 } else { 2 },
            seconds: Spread::of(&[0.5, 1.5]),
            processor_seconds: Spread::of(&[0.25, 0.25]),
            relative_error: if i == 0 { None } else { Spread::of(&[0.25, 0.75]) },
            reason: (i == 0).then(|| "a layer is too wide".into()),
        });
        let part = |data| Part {
            data,
            widths: vec![3, 4, 2],
            domain: "the unit cube",
            networks: 2,
            exact: 2,
            accuracy: 1.0,
            rows: rows.clone().collect(),
        };
        Table { parts: vec![part("clusters"), part("digits")], seed: 0 }
    }

    #[test]
    fn every_method_has_its_line_in_every_format() {
        let table = table();
        let (text, csv, svg) = (text(&table), csv(&table), chart::svg(&table));
        let json: serde_json::Value = serde_json::from_str(&json(&table).unwrap()).unwrap();
        for (i, method) in methods().into_iter().enumerate() {
            let name = method.name();
            assert!(text.lines().any(|line| line.starts_with(name)), "{name} in {text}");
            assert_eq!(csv.lines().filter(|line| line.split(',').nth(1) == Some(name)).count(), 2, "{name} in {csv}");
            assert!(svg.contains(&format!(">{name}</text>")), "{name}");
            assert_eq!(json["parts"][1]["rows"][i]["method"], name);
        }
        assert!(
            text.contains("1.000 ± 0.707") && text.contains("0.250 ± 0.000") && text.contains("+50.00% ± 35.36"),
            "{text}"
        );
        assert!(text.contains("0 of 2 values: a layer is too wide"), "{text}");
        let fields: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert!(fields.iter().all(|&count| count == fields[0]), "{csv}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

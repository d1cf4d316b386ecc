//! The table as a picture: for each method the ratio of its value to the exact constant, on a logarithmic axis.

use std::fmt::Write;

use super::table::Table;

/// Sizes in pixels.
const LABELS: f64 = 130.0;
const PLOT: f64 = 520.0;
const MARGIN: f64 = 24.0;
const LINE: f64 = 26.0;
const TOP: f64 = 46.0;
/// One colour a kind of network, far apart for all kinds of colour vision.
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// An SVG document.
pub fn svg(table: &Table) -> String {
    let rows = table.parts.first().map_or(0, |part| part.rows.len());
    let ratios = table.parts.iter().flat_map(|part| &part.rows).filter_map(|row| row.relative_error);
    let (least, most) = ratios.fold((0.5f64, 2.0f64), |(low, high), error| {
        (low.min((1.0 + error.least).max(1e-3)), high.max(1.0 + error.most))
    });
    let (from, to) = (least.log10(), most.log10());
    let x = |ratio: f64| LABELS + PLOT * (ratio.max(1e-3).log10() - from) / (to - from);
    let (width, bottom) = (LABELS + PLOT + MARGIN, TOP + LINE * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LABELS}\" y=\"16\">estimate / exact constant (mean, smallest and largest)</text>\n",
        bottom + 34.0
    );
    for (part, color) in table.parts.iter().zip(COLORS).rev() {
        let at = LABELS + 120.0 * table.parts.iter().take_while(|other| other.data != part.data).count() as f64;
        let _ = writeln!(out, "<circle cx=\"{}\" cy=\"30\" r=\"4\" fill=\"{color}\"/>", at + 4.0);
        let _ = writeln!(out, "<text x=\"{}\" y=\"34\">{}</text>", at + 14.0, part.data);
    }
    for power in (from.floor() as i32)..=(to.ceil() as i32) {
        for ratio in [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)) {
            if (least..=most).contains(&ratio) {
                let (at, dark) = (x(ratio), if ratio == 1.0 { "#444" } else { "#ddd" });
                let _ = writeln!(
                    out,
                    "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"{dark}\"/>\n\
                     <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{ratio}</text>",
                    bottom + 16.0
                );
            }
        }
    }
    for i in 0..rows {
        let middle = TOP + LINE * (i as f64 + 0.5);
        let name = table.parts.first().map_or("", |part| part.rows[i].method.name());
        let _ = writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LABELS - 10.0, middle + 4.0);
        for (p, (part, color)) in table.parts.iter().zip(COLORS).enumerate() {
            let Some(error) = part.rows[i].relative_error else { continue };
            let y = middle + 8.0 * (p as f64 - 0.5 * (table.parts.len() as f64 - 1.0));
            let [mean, low, high] = [error.mean, error.least, error.most].map(|e| x(1.0 + e));
            let _ = writeln!(
                out,
                "<line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{color}\" stroke-width=\"2\"/>\n\
                 <circle cx=\"{mean:.1}\" cy=\"{y}\" r=\"4\" fill=\"{color}\"/>"
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

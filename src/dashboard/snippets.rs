//! How to repeat a job by program: a `curl` command, a piece of Python, and the problem itself.

use std::fmt::Write;

use serde_json::Value;

use crate::jobs::Job;

/// Problems up to this many bytes stand in the commands themselves; larger ones are fetched from the service.
const INLINE_BYTES: usize = 4 << 10;
/// How many entries of a list of numbers are shown.
const ENTRIES: usize = 16;

/// The body that asks the job's question again.
fn body(job: &Job) -> Value {
    let mut body = job.problem.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("network".into(), job.network.clone().into());
    }
    body
}

/// A shell command.
pub(super) fn curl(job: &Job, host: &str) -> String {
    let send = format!("curl -s -H 'content-type: application/json' 'http://{host}/v1/jobs?wait=60'");
    let body = body(job).to_string();
    if body.len() <= INLINE_BYTES {
        // A quote ends the quoted text, stands by itself, and begins it again.
        return format!("{send} \\\n  -d '{}'", body.replace('\'', r"'\''"));
    }
    format!(
        "curl -s 'http://{host}/v1/jobs/{}/problem.json' \\\n  | jq '.network = \"{}\"' \\\n  | {send} -d @-",
        job.id, job.network
    )
}

/// A piece of Python that needs the standard library only.
pub(super) fn python(job: &Job, host: &str) -> String {
    let body = body(job).to_string();
    let problem = if body.len() <= INLINE_BYTES {
        // A JSON string of the JSON text is a string of Python, too.
        format!("problem = json.loads({})\n", Value::String(body))
    } else {
        format!(
            "problem = json.load(urllib.request.urlopen(url + \"/v1/jobs/{}/problem.json\"))\n\
             problem[\"network\"] = \"{}\"\n",
            job.id, job.network
        )
    };
    format!(
        "import json\nimport urllib.request\n\nurl = \"http://{host}\"\n{problem}\
         request = urllib.request.Request(url + \"/v1/jobs?wait=60\", json.dumps(problem).encode(),\n\
         \x20                                {{\"content-type\": \"application/json\"}})\n\
         job = json.load(urllib.request.urlopen(request))\n\
         print(job[\"state\"], job[\"result\"][\"lower\"], job[\"result\"][\"upper\"])"
    )
}

/// A problem for people: lists of numbers stand on one line, and long ones are cut. Also whether one was.
pub(super) fn display(problem: &Value) -> (String, bool) {
    let mut text = String::new();
    let mut cut = false;
    write(problem, 0, &mut text, &mut cut);
    (text, cut)
}

fn write(value: &Value, depth: usize, text: &mut String, cut: &mut bool) {
    // Writing to a string cannot fail.
    let indent = |text: &mut String, depth: usize| {
        let _ = write!(text, "\n{:1$}", "", 2 * depth);
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                indent(text, depth + 1);
                let _ = write!(text, "{}: ", Value::String(name.clone()));
                write(value, depth + 1, text, cut);
            }
            indent(text, depth);
            text.push('}');
        }
        Value::Array(entries) => {
            text.push('[');
            for (place, entry) in entries.iter().take(ENTRIES).enumerate() {
                text.push_str(if place > 0 { ", " } else { "" });
                write(entry, depth + 1, text, cut);
            }
            if entries.len() > ENTRIES {
                *cut = true;
                let _ = write!(text, ", … {} more", entries.len() - ENTRIES);
            }
            text.push(']');
        }
        Value::String(words) if words.chars().count() > 2000 => {
            *cut = true;
            let _ = write!(text, "{}", Value::String(super::words::cut(words, 2000)));
        }
        value => {
            let _ = write!(text, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::display;

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let (text, cut) = display(&json!({"a": [1, 2], "b": {"c": vec![0; 100]}, "d": {}}));
        assert!(
            cut && text.contains("\"a\": [1, 2]") && text.contains("0, … 84 more]") && text.contains("\"d\": {}"),
            "{text}"
        );
        assert!(!display(&json!({"a": [1, 2]})).1);
    }
}

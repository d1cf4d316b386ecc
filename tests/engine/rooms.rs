//! What methods say of themselves, and who reads it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use exactlip::answer::Report;
use exactlip::control::{Control, StopFlag};
use exactlip::ladder;
use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::{Method, Problem};
use exactlip::room::{Asked, Side};
use serde_json::{Value, json};

use super::{answer, question};

/// A file of the package.
fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// All combinations of functional, output norm, input norm and domain about a network with two inputs and two outputs.
fn problems() -> Vec<Value> {
    let functionals =
        [json!({"type": "logit", "index": 1}), json!({"type": "jacobian"}), json!({"type": "cross_lipschitz"})];
    let domains = [
        json!({"type": "box", "lower": [-0.5, -0.25], "upper": [0.5, 1.0]}),
        json!({"type": "ball", "norm": "l2", "center": [0.1, 0.2], "radius": 0.5}),
        json!({"type": "ball", "norm": "l1", "center": [0.1, 0.2], "radius": 0.5}),
    ];
    let norms = ["linf", "l1", "l2"];
    let mut all = Vec::new();
    for functional in &functionals {
        for domain in &domains {
            for (input, output) in norms.iter().flat_map(|input| norms.map(|output| (input, output))) {
                let norm = json!({"input": input, "output": output});
                all.push(json!({"functional": functional, "domain": domain, "norm": norm}));
            }
        }
    }
    all
}

/// A network of two inputs, three neurons and two outputs.
fn network(activation: &Value) -> Network {
    let hidden = json!({
        "weight": [[1.0, -2.0], [0.5, 1.5], [-1.0, 0.75]], "bias": [0.1, -0.2, 0.3], "activation": activation,
    });
    let output = json!({"weight": [[1.0, -1.0, 0.5], [-0.75, 1.25, 2.0]]});
    let file = json!({"layers": [hidden, output]}).to_string();
    import(file.as_bytes(), &ImportOptions::default()).unwrap()
}

/// A network of linear pieces, and curved ones with derivatives far below and above 1.
fn networks() -> [Network; 3] {
    [json!("relu"), json!("sigmoid"), json!({"elu": {"alpha": 3.0}})].map(|activation| network(&activation))
}

#[test]
fn what_a_method_declines_is_refused_in_its_own_words_and_what_it_answers_is_answered() {
    let (mut answered, mut declined) = (0, 0);
    for network in networks() {
        let summary = network.summary();
        for problem in problems() {
            let plain = question(&network, problem.clone());
            let asked = Asked::of(&plain, Some(&summary));
            let (mut lower, mut upper) = (0.0, f64::INFINITY);
            for &method in Method::IN_ORDER {
                let mut problem = problem.clone();
                problem["methods"] = json!([method]);
                if method == Method::Dataset {
                    problem["points"] = json!([[0.2, 0.3], [0.1, 0.0]]);
                }
                let room = ladder::room(method);
                let asked = Problem::from_value(problem.clone()).unwrap().question_for(&summary).map_err(|errors| {
                    let words = room.scope.obstacle(&asked).expect("a reason");
                    assert_eq!(errors.len(), 1, "{method} {problem}: {errors:?}");
                    assert_eq!(errors[0].pointer, "/methods/0");
                    assert_eq!(errors[0].detail, format!("`{method}` does not apply: {words}"));
                });
                let Ok(asked) = asked else {
                    declined += 1;
                    // In a library's hands the method is left out with the same words, and points take its place.
                    let report = answer(&network, &plain, &[method]);
                    assert!(
                        report.notes.iter().any(|note| note.starts_with(&format!("`{method}` left out"))),
                        "{report:?}"
                    );
                    assert!(
                        report.tiers.iter().all(|tier| tier.method != method) && report.lower.is_some(),
                        "{report:?}"
                    );
                    continue;
                };
                answered += 1;
                // Half a million samples a run: once is enough.
                if method == Method::Clever && answered > 2 * Method::IN_ORDER.len() {
                    continue;
                }
                let report = answer(&network, &asked, &[method]);
                let tier = report.tiers.iter().find(|tier| tier.method == method).expect("a tier");
                let Some(value) = tier.value else {
                    panic!("{method} {problem}: {tier:?}");
                };
                match room.side {
                    Side::Lower => lower = value.max(lower),
                    Side::Upper => upper = value.min(upper),
                    Side::Both(_) => {
                        (lower, upper) = (report.lower.unwrap().max(lower), value.min(upper));
                    }
                    Side::Nothing => {}
                }
            }
            assert!(lower > 0.0 && lower <= upper * (1.0 + 1e-9) && upper.is_finite(), "{problem}: [{lower}, {upper}]");
        }
    }
    println!("{answered} combinations were answered, {declined} declined");
    assert_eq!(answered + declined, networks().len() * problems().len() * Method::IN_ORDER.len());
}

#[test]
fn an_answer_that_is_stopped_at_once_has_a_witnessed_lower_end() {
    for network in networks() {
        let asked = question(&network, problems().swap_remove(0));
        let control = Control::new(Some(Duration::ZERO), StopFlag::default(), |_| {});
        let report = ladder::answer(&network, &asked, &control);
        let witness = report.witness.as_ref().expect("a witness");
        let norm: f64 = network.gradient(&witness.x, &witness.output_seed).iter().map(|g| g.abs()).sum();
        assert!(report.tiers.is_empty() && (report.lower.unwrap() - norm).abs() < 1e-12 * norm, "{report:?}");
    }
}

#[test]
fn methods_of_one_side_say_nothing_of_the_other() {
    let network = network(&json!("relu"));
    let asked = question(&network, problems().swap_remove(0));
    let upper = answer(&network, &asked, &[Method::Fastlip]);
    assert!(upper.lower.is_none() && upper.upper.is_some(), "{upper:?}");
    let lower = answer(&network, &asked, &[Method::Random]);
    assert!(lower.lower.is_some() && lower.upper.is_none(), "{lower:?}");
}

#[test]
fn the_default_ladder_leaves_out_what_does_not_fit_and_a_named_method_says_why() {
    let wide = |count: usize| {
        let hidden = json!({"weight": vec![[1.0, -0.5]; count], "bias": vec![0.1; count], "activation": "relu"});
        let file = json!({"layers": [hidden, {"weight": [vec![0.01; count]]}]}).to_string();
        import(file.as_bytes(), &ImportOptions::default()).unwrap()
    };
    let asked =
        json!({"domain": {"type": "box", "lower": -1, "upper": 1}, "functional": {"type": "logit", "index": 0}});
    let tier = |report: &Report| report.tiers.iter().find(|tier| tier.method == Method::Lipsdp).cloned();
    let fits = wide(8);
    let report = answer(&fits, &question(&fits, asked.clone()), &Method::default_ladder());
    assert!(tier(&report).is_some_and(|tier| tier.value.is_some()), "{report:?}");
    let large = wide(800);
    let report = answer(&large, &question(&large, asked.clone()), &Method::default_ladder());
    let left_out = |note: &String| note.starts_with("`lipsdp` left out") && note.contains("802");
    assert!(tier(&report).is_none() && report.notes.iter().any(left_out), "{report:?}");
    let report = answer(&large, &question(&large, asked), &[Method::Lipsdp]);
    let named = tier(&report).expect("a tier");
    assert!(named.value.is_none() && named.detail["reason"].as_str().unwrap().contains("802"), "{named:?}");
}

#[test]
fn names_in_requests_are_those_of_the_register_each_once() {
    let names: BTreeSet<&str> = Method::IN_ORDER.iter().map(|method| method.name()).collect();
    assert_eq!(names.len(), Method::IN_ORDER.len());
    for &method in Method::IN_ORDER {
        assert_eq!(json!(method), json!(method.name()));
        assert_eq!(serde_json::from_value::<Method>(json!(method.name())).unwrap(), method);
    }
    let ladder = Method::default_ladder();
    assert!(ladder.is_sorted() && Method::IN_ORDER.is_sorted());
    assert!(ladder.iter().any(|method| ladder::closes(*method)));
}

#[test]
fn the_readme_has_the_table_of_the_rooms() {
    let table = ladder::table();
    assert!(text("README.md").contains(&table), "README.md does not hold this table:\n{table}");
}

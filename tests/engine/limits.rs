//! Time: large networks are answered within their limits, and have both ends however short those are.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exactlip::answer::{Event, Report};
use exactlip::control::{Control, StopFlag};
use exactlip::ladder;
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Matrix, Network};
use exactlip::problem::{Method, Question};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::question;

/// How far past its limit an answer may come, and how late the first lower end.
const OVERRUN: Duration = Duration::from_secs(2);
const FIRST: Duration = Duration::from_secs(1);

/// A network with random weights, each layer keeping the size of what passes through it.
fn random(widths: &[usize], activation: Activation) -> Network {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut steps = Vec::new();
    for (i, pair) in widths.windows(2).enumerate() {
        let size = (24.0 / pair[0] as f64).sqrt();
        let mut draw = |count: usize| (0..count).map(|_| size * (random.random::<f64>() - 0.5)).collect::<Vec<_>>();
        let weight = Matrix::from_row_major(pair[1], pair[0], draw(pair[0] * pair[1])).unwrap();
        steps.push(Step::affine(weight, draw(pair[1])));
        if i + 2 < widths.len() {
            steps.push(Step::activations(activation));
        }
    }
    lower(widths[0], steps, vec![]).unwrap()
}

/// Processor time of this process: what others do on the machine does not count.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes this one value.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) }, 0);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// Whether this process runs the test of this name alone; if not, another process does so now, and must succeed.
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "EXACTLIP_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args([&format!("engine::limits::{name}"), "--exact", "--include-ignored", "--nocapture"]).env(ALONE, "1");
    let ended = test.output().unwrap();
    let (told, error) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && told.contains("1 passed"), "{told}\n{error}");
    false
}

/// The answer to a question within a limit, the processor time that it took, and when its first lower end came.
fn timed(network: &Network, question: &Question, methods: &[Method], time_s: f64) -> (Report, Duration, Option<f64>) {
    let first = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&first);
    let begun = processor_time();
    let sink = move |event: Event| {
        if let Event::Progress(progress) = event
            && progress.lower.is_some()
        {
            seen.lock().unwrap().get_or_insert(processor_time().saturating_sub(begun).as_secs_f64());
        }
    };
    let question = Question { methods: methods.to_vec(), ..question.clone() };
    let control = Control::new(Some(Duration::from_secs_f64(time_s)), StopFlag::default(), sink);
    let report = ladder::answer(network, &question, &control);
    let first = *first.lock().unwrap();
    (report, processor_time().saturating_sub(begun), first)
}

/// Questions about a network: in norms and over regions whose bounds cost different things.
fn questions(network: &Network) -> Vec<Question> {
    let center = vec![0.5; network.input_dim()];
    let margin = json!({"type": "margin", "label": 0, "target": 1});
    let ball = |norm: &str| json!({"type": "ball", "norm": norm, "center": center, "radius": 0.01});
    let asked = [
        (json!({"type": "box", "lower": 0, "upper": 1}), margin.clone(), "linf"),
        (ball("linf"), margin.clone(), "l2"),
        (ball("linf"), margin, "linf"),
        (ball("l2"), json!({"type": "jacobian"}), "l2"),
    ];
    let problem = |(domain, functional, norm): (Value, Value, &str)| {
        question(network, json!({"domain": domain, "functional": functional, "norm": {"input": norm}}))
    };
    asked.into_iter().map(problem).collect()
}

/// Networks whose layers, depth and files are as large as anybody's: the last one has 40 MB of weights in single precision.
fn networks() -> Vec<(&'static str, Network)> {
    let deep = [&[3072][..], &[512; 10], &[10]].concat();
    vec![
        ("wide", random(&[784, 1024, 1024, 1024, 10], Activation::Relu)),
        ("curved", random(&[784, 1024, 1024, 1024, 10], Activation::Tanh)),
        ("one layer", random(&[784, 4096, 10], Activation::Relu)),
        ("deep", random(&deep, Activation::Relu)),
        ("40 MB", random(&[1024, 2048, 2048, 2048, 10], Activation::Relu)),
    ]
}

#[test]
#[ignore = "takes some minutes"]
fn large_networks_are_answered_in_time_with_both_ends() {
    if !is_alone("large_networks_are_answered_in_time_with_both_ends") {
        return;
    }
    let ladder = Method::default_ladder();
    for (name, network) in networks() {
        for (i, question) in questions(&network).iter().enumerate() {
            for time_s in [0.1, 0.3, 1.0, 3.0] {
                let (report, took, first) = timed(&network, question, &ladder, time_s);
                let what = format!("{name} {i} in {time_s} s: {took:?}, {:?} {:?}", report.lower, report.upper);
                println!("{what}, first {first:?}");
                assert!(took.as_secs_f64() < time_s + OVERRUN.as_secs_f64(), "{what}: {:#?}", report.tiers);
                assert!(report.upper.is_some() && report.witness.is_some(), "{what}");
                assert!(report.lower.unwrap() > 0.0 && report.lower <= report.upper, "{what}");
                assert!(first.unwrap() < FIRST.as_secs_f64(), "{what}: the lower end came after {first:?} s");
            }
        }
    }
}

#[test]
#[ignore = "takes some minutes"]
fn every_method_keeps_the_limit_on_large_networks() {
    if !is_alone("every_method_keeps_the_limit_on_large_networks") {
        return;
    }
    for (name, network) in networks() {
        let summary = network.summary();
        for question in questions(&network) {
            for &method in Method::IN_ORDER {
                let asked = exactlip::room::Asked::of(&question, Some(&summary));
                if ladder::room(method).scope.obstacle(&asked).is_some() || method == Method::Dataset {
                    continue;
                }
                let (report, took, _) = timed(&network, &question, &[method], 0.3);
                assert!(took < Duration::from_millis(300) + OVERRUN, "{name} {method}: {took:?}");
                let bounds_above =
                    report.tiers.iter().any(|tier| tier.guarantee == exactlip::problem::Guarantee::Upper);
                let declined = report.tiers.iter().any(|tier| tier.value.is_none());
                assert!(!bounds_above || declined || report.upper.is_some(), "{name} {method}: {report:#?}");
            }
        }
    }
}

#[test]
fn an_answer_that_is_stopped_before_any_bound_has_the_product_of_norms_as_upper_end() {
    let network = random(&[40, 60, 60, 5], Activation::Relu);
    for question in questions(&network) {
        let product = super::answer(&network, &question, &[Method::Naive]).upper.unwrap();
        for methods in [Method::default_ladder(), vec![Method::Lp], vec![Method::Exact], vec![Method::Recurjac]] {
            let (report, ..) = timed(&network, &question, &methods, 1e-9);
            if ladder::room(methods[0]).scope.obstacle(&exactlip::room::Asked::of(&question, None)).is_some() {
                continue;
            }
            let proof = report.upper_proof.unwrap();
            assert_eq!(proof.method, Method::Naive, "{methods:?}");
            // Spectral norms take their time, too.
            assert!(report.upper.unwrap() >= product * (1.0 - 1e-12), "{methods:?}");
            assert!(report.notes.iter().any(|note| note.contains("the time was up")), "{:?}", report.notes);
            assert!(report.tiers.iter().all(|tier| tier.method != Method::Naive), "it is no method that was asked");
        }
        let (report, ..) = timed(&network, &question, &[Method::Random], 1e-9);
        assert_eq!(report.upper, None, "nobody asked for one");
    }
}

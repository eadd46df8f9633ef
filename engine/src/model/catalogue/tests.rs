use serde_json::json;

use super::super::action::Intake;
use super::*;

fn offering(key: &str, version: &str, actions: &[&str]) -> Arc<Offering> {
    let spec = |name: &&str| ActionSpec {
        module: key.into(),
        name: (*name).into(),
        title: String::new(),
        summary: String::new(),
        parameters: json!({"type": "object"}),
        intake: Intake::Batches,
    };
    let installed = Installed::sample(key, version, actions.iter().map(spec).collect());
    Arc::new(Offering::new(installed).unwrap())
}

fn shop() -> Catalogue {
    let versions = ["1.0.0", "1.2.0", "1.10.0", "2.0.0", "3.0.0-beta.1"];
    Catalogue::new(versions.map(|version| offering("shop", version, &["send"])))
}

fn version(catalogue: &Catalogue, name: &str, choice: Choice<'_>) -> String {
    match catalogue.find(name, choice) {
        Ok(found) => found.offering.version().to_string(),
        Err(error) => error.0,
    }
}

fn pins(requirement: Option<&str>, version: &str) -> Vec<Pin> {
    let module = ModuleDigest { module: "shop".into(), version: version.into(), digest: format!("shop-{version}") };
    vec![Pin { requirement: requirement.map(str::to_owned), module }]
}

#[test]
fn a_bare_name_is_enough_when_it_is_unique() {
    let catalogue = Catalogue::new([
        offering("standard", "1.0.0", &["sort"]),
        offering("a", "1.0.0", &["send"]),
        offering("b", "1.0.0", &["send"]),
    ]);
    let found = |name| catalogue.find(name, Choice::Newest(&[])).map(|found| found.offered.spec.full_name());
    assert_eq!(found("sort").unwrap(), "standard/sort");
    assert_eq!(found("a/send").unwrap(), "a/send");
    let shared = found("send").unwrap_err().to_string();
    assert_eq!(shared, "`send` is offered by several modules; write `a/send` or `b/send`");
    assert_eq!(found("sorrt").unwrap_err().to_string(), "there is no action `sorrt`; did you mean `sort`?");
    assert_eq!(found("a/sned").unwrap_err().to_string(), "a@1.0.0 has no action `sned`; did you mean `send`?");
}

#[test]
fn a_line_gets_the_newest_version_that_fits_what_it_names() {
    let catalogue = shop();
    let newest = |name| version(&catalogue, name, Choice::Newest(&[]));
    assert_eq!(newest("send"), "2.0.0", "a pre-release is nobody's newest");
    assert_eq!(newest("shop/send"), "2.0.0");
    assert_eq!(newest("shop@1/send"), "1.10.0");
    assert_eq!(newest("shop@1.2/send"), "1.10.0");
    assert_eq!(newest("shop@~1.2/send"), "1.2.0");
    assert_eq!(newest("shop@=1.0.0/send"), "1.0.0");
    assert_eq!(newest("shop@3.0.0-beta/send"), "3.0.0-beta.1");
    assert!(
        newest("shop@4/send").starts_with("shop@4 is not installed; the installed versions are 3.0.0-beta.1, 2.0.0")
    );
    assert!(newest("shop@new/send").starts_with("`new` is not a version"));
}

#[test]
fn saving_again_stays_with_what_is_compatible() {
    let catalogue = shop();
    assert_eq!(version(&catalogue, "send", Choice::Newest(&pins(None, "1.2.0"))), "1.10.0");
    assert_eq!(version(&catalogue, "shop@2/send", Choice::Newest(&pins(None, "1.2.0"))), "2.0.0");
    assert_eq!(
        version(&catalogue, "send", Choice::Newest(&pins(None, "0.1.0"))),
        "2.0.0",
        "nothing compatible is left"
    );
}

#[test]
fn a_saved_job_runs_with_what_was_pinned() {
    let catalogue = shop();
    assert_eq!(version(&catalogue, "send", Choice::Pinned(&pins(None, "1.2.0"))), "1.2.0");
    assert_eq!(version(&catalogue, "shop@1/send", Choice::Pinned(&pins(Some("1"), "1.0.0"))), "1.0.0");
    let gone = version(&catalogue, "send", Choice::Pinned(&pins(None, "0.9.0")));
    assert!(gone.starts_with("the job was saved with shop@0.9.0, which is no longer installed"), "{gone}");
}

#[test]
fn what_is_installed_later_takes_no_name_away() {
    let mut bundled = offering("standard", "1.0.0", &["sort"]).installed.clone();
    bundled.owner = Owner::Bundled;
    let bundled = Arc::new(Offering::new(bundled).unwrap());
    let (shop, other) = (offering("shop", "1.0.0", &["send", "sort"]), offering("other", "1.0.0", &["send"]));
    let catalogue = Catalogue::new([bundled, shop, other]);
    let module = |name, choice| catalogue.find(name, choice).map(|found| found.offering.installed.info.key.clone());
    assert_eq!(module("sort", Choice::Newest(&[])).unwrap(), "standard");
    assert!(module("send", Choice::Newest(&[])).is_err());
    let pins = pins(None, "1.0.0");
    assert_eq!(module("send", Choice::Pinned(&pins)).unwrap(), "shop");
    assert_eq!(module("send", Choice::Newest(&pins)).unwrap(), "shop");
    assert_eq!(module("sort", Choice::Pinned(&pins)).unwrap(), "shop", "the job was saved with it");
}

#[test]
fn what_comes_with_the_program_is_not_pinned() {
    let catalogue = shop();
    let found = catalogue.find("shop@1/send", Choice::Newest(&[])).unwrap();
    let pin = found.pin().unwrap();
    assert_eq!((pin.requirement.as_deref(), pin.module.version.as_str()), (Some("1"), "1.10.0"));
    let mut installed = found.offering.installed.clone();
    installed.owner = Owner::Bundled;
    let bundled = Catalogue::new([Arc::new(Offering::new(installed).unwrap())]);
    assert_eq!(bundled.find("send", Choice::Newest(&[])).unwrap().pin(), None);
}

#[test]
fn every_schema_that_cannot_be_used_is_named() {
    let mut installed = offering("m", "1.0.0", &["a", "b", "c"]).installed.clone();
    installed.info.actions[0].parameters = json!({"type": "nonsense"});
    installed.info.actions[2].parameters = json!({"$ref": "http://127.0.0.1:1/x.json"});
    let faults = Offering::new(installed).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("`a`") && faults[1].contains("`c`"), "{faults:?}");
}

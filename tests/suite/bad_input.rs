//! What is wrong is told with its place and the cure, with exit code 2, and never a panic.

use crate::support::{folder, run, write};

/// Runs a job file that must be refused, and gives what was said.
fn refused(name: &str, text: &str) -> String {
    let folder = folder();
    let file = write(folder.path(), name, text);
    for verb in ["run", "check"] {
        let ended = run(&[verb, &file]);
        assert_eq!(ended.code, 2, "{verb}: {ended:#?}");
        assert_eq!(ended.stdout, "", "{verb}: {ended:#?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
        assert!(ended.stderr.contains(&file), "the file is not named: {ended:#?}");
    }
    run(&["check", &file]).stderr
}

fn assert_told(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

#[test]
fn an_unknown_action() {
    assert_told(
        &refused("j.yaml", "key: j\nlines:\n  - action: sorrt\n"),
        &["lines[0].action", "no action `sorrt`", "did you mean `sort`"],
    );
}

#[test]
fn an_unknown_variable() {
    let told = refused("j.yaml", "key: j\nlines:\n  - action: set\n    parameters: { add: { a: $<tody> } }\n");
    assert_told(&told, &["lines[0].parameters.add.a", "no variable `tody`", "did you mean `today`"]);
}

#[test]
fn a_parameter_of_the_wrong_type() {
    let told = refused("j.yaml", "key: j\nlines:\n  - action: limit\n    parameters: { count: many }\n");
    assert_told(&told, &["lines[0].parameters.count", "\"many\" is not an integer"]);
}

#[test]
fn an_unknown_operator() {
    let told = refused("j.yaml", "key: j\nlines:\n  - filter: { where: { age: { greater: 5 } } }\n");
    assert_told(&told, &["lines[0].filter.where.age.greater", "no operator `greater`"]);
}

#[test]
fn a_line_number_used_twice() {
    let told = refused("j.yaml", "key: j\nlines:\n  - { lineNo: 5, filter: {} }\n  - { lineNo: 5, filter: {} }\n");
    assert_told(&told, &["lines[1].lineNo", "5 is already the number of lines[0]"]);
}

#[test]
fn many_faults_are_told_together() {
    let told =
        refused("j.yaml", "key: J J\ntimeZone: Mars/Base\nlines:\n  - { filter: { limit: -1 } }\n  - { action: 5 }\n");
    assert_told(&told, &["key:", "lines[0].filter.limit:", "lines[1].action:"]);
}

#[test]
fn malformed_yaml_and_json() {
    assert_told(&refused("j.yaml", "key: j\nlines:\n  - action: [\n"), &["line"]);
    assert_told(&refused("j.json", "{\"key\": \"j\", \"lines\": [}"), &["line 1"]);
    assert_told(&refused("j.json", "{\"key\": \"j\", \"key\": \"k\", \"lines\": []}"), &["key"]);
    assert_told(&refused("j.yaml", "key: j\nkey: k\nlines: []\n"), &["line 2: the key \"key\" appears twice"]);
    assert_told(&refused("j.yaml", "just words"), &["is not a job"]);
    for name in ["j.yaml", "j.json"] {
        assert_told(&refused(name, "\n"), &["The file is empty; a job file has `key` and `lines`."]);
    }
}

#[test]
fn a_placeholder_in_brackets_without_quotes() {
    let told = refused("j.yaml", "key: j\nlines:\n  - filter: { limit: ${args.top} }\n");
    assert_told(&told, &["line 3, column 22: ", "quotes around the placeholder: '${args.top}'"]);
}

#[test]
fn a_wrong_operator_beside_a_misspelt_field() {
    let told = refused("j.yaml", "key: j\nlines:\n  - filter: { limt: 5, where: { age: { greater: 5 } } }\n");
    assert_told(&told, &["lines[0].filter.limt", "did you mean `limit`", "lines[0].filter.where.age.greater"]);
}

#[test]
fn yaml_means_what_json_means() {
    let folder = folder();
    let text = "key: j\nlines: [{ filter: { source: { inline: [{ c: NO }, { c: yes }] }, where: { c: NO } } }]\n";
    let file = write(folder.path(), "j.yaml", text);
    assert_eq!(run(&["run", &file, "--json"]).json()["records"], serde_json::json!([{"c": "NO"}]));
    let told = refused("k.yaml", "key: k\nlines: [{ filter: { where: { n: 123456789012345678901 } } }]\n");
    assert_told(&told, &["too large to be exact"]);
}

#[test]
fn scripts_templates_and_schemas_that_do_not_parse_are_found_before_the_job_runs() {
    let told = refused(
        "j.yaml",
        "key: j\nlines:\n  - { action: js, parameters: { script: 'return (((' } }\n  - { action: report, parameters: { format: text, template: '{{#each records}}' } }\n  - { action: validate, parameters: { schema: { type: nonsense } } }\n  - { action: sort, parameters: { by: [a..b] } }\n  - { action: log, parameters: { message: 'today is $<today>' } }\n",
    );
    for line in [
        "lines[0].parameters",
        "lines[1].parameters",
        "lines[2].parameters",
        "lines[3].parameters",
        "lines[4].parameters",
    ] {
        assert_told(&told, &[line]);
    }
}

#[test]
fn hostile_yaml_is_bounded() {
    let bomb: String = (0..30)
        .map(|level| {
            format!(
                "a{level}: &a{level} [{}]\n",
                vec![format!("*a{}", level - 1); if level == 0 { 0 } else { 10 }].join(",")
            )
        })
        .collect();
    refused("j.yaml", &bomb);
    refused("j.yaml", &"[".repeat(100_000));
    refused("j.json", &"[".repeat(100_000));
}

#[test]
fn hostile_templates_are_refused() {
    let with = |template: &str| {
        format!(
            "{{\"key\": \"j\", \"lines\": [{{\"action\": \"set\", \"parameters\": {{\"add\": {{\"a\": {}}}}}}}]}}",
            serde_json::json!(template)
        )
    };
    assert_told(&refused("j.json", &with("{{> again}}")), &["lines[0].parameters.add.a"]);
    refused("j.json", &with("{{#*inline \"x\"}}{{> x}}{{/inline}}{{> x}}"));
    refused("j.json", &with(&format!("{}{}", "{{#if today}}".repeat(4000), "{{/if}}".repeat(4000))));
    refused("j.json", &with(&"{{today}}".repeat(20_000)));
}

#[test]
fn a_file_that_is_not_there() {
    let ended = run(&["run", "/nowhere/at/all.yaml"]);
    assert_eq!(ended.code, 2);
    assert_told(&ended.stderr, &["/nowhere/at/all.yaml", "there is no such file"]);
}

#[test]
fn wrong_arguments_and_data() {
    let folder = folder();
    let job = write(
        folder.path(),
        "j.yaml",
        "key: j\narguments: { properties: { top: { type: integer } } }\nlines: [{ filter: {} }]\n",
    );
    let wrong = run(&["run", &job, "--arg", "top=many"]);
    assert_eq!(wrong.code, 2);
    assert_told(&wrong.stderr, &["arguments.top", "\"many\" is not an integer"]);
    let unknown = run(&["run", &job, "--arg", "tpo=1"]);
    assert_told(&unknown.stderr, &["arguments.tpo", "did you mean `top`"]);
    let data = write(folder.path(), "d.json", "{\"a\": 1}");
    let no_array = run(&["run", &job, "--data", &data]);
    assert_eq!(no_array.code, 2);
    assert_told(&no_array.stderr, &["--data", "is not an array of records"]);
    let workbook = run(&["run", &job, "--data", "d.xlsx"]);
    assert_eq!(workbook.code, 2);
    assert_told(&workbook.stderr, &["--data: d.xlsx: use a .csv, .tsv, .json or .jsonl file"]);
}

#[test]
fn a_source_with_a_fault_is_an_error_of_its_line() {
    let folder = folder();
    write(folder.path(), "broken.csv", "a,b\n1,2\n3\n");
    for (file, told) in [
        ("broken.csv", "broken.csv row 3 has 1 cells where the header has 2"),
        ("absent.csv", "there is no file `absent.csv`"),
    ] {
        let job = write(
            folder.path(),
            "j.yaml",
            &format!("key: j\nlines: [{{ filter: {{ source: {{ file: {file} }} }} }}]\n"),
        );
        let ended = run(&["run", &job, "--json"]);
        assert_eq!(ended.code, 1, "{ended:#?}");
        assert_told(ended.json()["message"].as_str().expect("a message"), &[told]);
    }
}

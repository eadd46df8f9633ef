use serde_json::{Value, json};

use super::*;

fn data() -> Value {
    json!({
        "name": "Ada", "count": 3, "total": 1234.5, "tags": ["a", "b"], "none": null,
        "due": "2026-03-01", "date": "2026-03-02", "flag": true, "big": 9007199254740993_i64,
        "args": {"top": 5, "mode": "fast"},
        "records": [{"title": "One", "rating": 2}, {"title": "Two", "rating": 4, "note": "<b>"}],
        "evil": "{{name}} {{#each records}}x{{/each}}"
    })
}

fn render(source: &str) -> Result<String, String> {
    let text = Text::parse(source).map_err(|fault| fault.to_string())?;
    let rendered = Templates::plain().render(&text, &Context::from(data()), 1 << 20);
    rendered.map_err(|fault| fault.to_string())
}

fn evaluate(source: &str) -> Result<Value, String> {
    let text = Text::parse(source).map_err(|fault| fault.to_string())?;
    let value = Templates::plain().evaluate(&text, &Context::from(data()), 1 << 20);
    value.map_err(|fault| fault.to_string())
}

#[track_caller]
fn is(source: &str, expected: &str) {
    assert_eq!(render(source), Ok(expected.to_owned()), "{source}");
}

#[track_caller]
fn fails(source: &str, expected: &str) {
    let fault = render(source).expect_err(source);
    assert!(fault.contains(expected), "{source}: {fault}");
    assert!(!fault.contains('\n'), "{fault}");
}

#[test]
fn fills_variables_and_blocks() {
    is("Hi {{name}}, {{args.top}} of {{count}}", "Hi Ada, 5 of 3");
    is("{{#each records}}{{@index}}:{{title}}/{{../name}} {{/each}}", "0:One/Ada 1:Two/Ada ");
    is("{{#each records as |r i|}}{{i}}{{r.title}}{{/each}}", "0One1Two");
    is("{{#each args}}{{@key}}={{this}};{{/each}}", "top=5;mode=fast;");
    is("{{#each none}}x{{else}}empty{{/each}}", "empty");
    is("{{#with args}}{{mode}}{{/with}}{{#with none}}x{{else}}y{{/with}}", "fasty");
    is("{{#if flag}}a{{else if count}}b{{else}}c{{/if}}", "a");
    is("{{#if none}}a{{else if count}}b{{else}}c{{/if}}", "b");
    is("{{#unless none}}a{{/unless}}{{#if (eq count 3.0)}}b{{/if}}", "ab");
    is("{{#gt count 2}}more{{else}}less{{/gt}}", "more");
    is("{{records.1.title}} {{records.[0].title}} {{@root.name}}", "Two One Ada");
    is("[{{none}}] {{tags}} {{args}}", "[] [\"a\",\"b\"] {\"top\":5,\"mode\":\"fast\"}");
    is(r"\{{name}} {{! a note with {{! braces }}{{!-- {{/if}} --}}", "{{name}} ");
    is("{{#each records}}{{#each ../tags}}{{this}}{{../rating}}{{@root.count}} {{/each}}{{/each}}", "a23 b23 a43 b43 ");
}

#[test]
fn a_field_may_be_called_like_a_helper() {
    is("{{date}} {{#with this}}{{date}}{{/with}} {{(date)}}", "2026-03-02 2026-03-02 2026-03-02");
    is("{{upper (name)}}", "ADA");
}

#[test]
fn a_single_expression_keeps_its_type() {
    assert_eq!(evaluate("{{count}}"), Ok(json!(3)));
    assert_eq!(evaluate("{{big}}"), Ok(json!(9007199254740993_i64)));
    assert_eq!(evaluate("{{tags}}"), Ok(json!(["a", "b"])));
    assert_eq!(evaluate("{{none}}"), Ok(Value::Null));
    assert_eq!(evaluate("{{add count 2}}"), Ok(json!(5)));
    assert_eq!(evaluate("{{default args.x 7}}"), Ok(json!(7)));
    assert_eq!(evaluate("{{(length records)}}"), Ok(json!(2)));
    assert_eq!(evaluate("{{eq name \"Ada\"}}"), Ok(json!(true)));
    assert_eq!(evaluate("{{lookup records 0}}"), Ok(json!({"title": "One", "rating": 2})));
    assert_eq!(evaluate(" {{count}}"), Ok(json!(" 3")));
    assert_eq!(evaluate("plain"), Ok(json!("plain")));
    assert!(Text::parse("{{a}}").is_ok_and(|text| text.is_single()));
    assert!(Text::parse("{{a}}{{b}}").is_ok_and(|text| !text.is_single()));
    assert!(Text::parse("x {{! y }}").is_ok_and(|text| text.is_constant()));
}

#[test]
fn what_is_missing_is_named() {
    fails("a\n{{nmae}}", "There is no variable `nmae`; did you mean `name`? (line 2, column 1)");
    fails("{{args.topp}}", "There is no variable `args.topp`; did you mean `args.top`?");
    fails("{{args.wholly.other}}", "There is no variable `args.wholly.other`; the known names are top, mode");
    fails("{{#each records}}{{note}}{{/each}}", "There is no variable `note`");
    fails("{{#each records}}{{titel}}{{/each}}", "did you mean `title`?");
    for call in ["upper nmae", "json nmae", "eq nmae 1", "add count nmae", "default none nmae", "lookup args nmae"] {
        fails(&format!("{{{{{call}}}}}"), "There is no variable `nmae`");
    }
    for block in ["if", "unless", "each", "with"] {
        fails(&format!("{{{{#{block} nmae}}}}x{{{{/{block}}}}}"), "There is no variable `nmae`");
    }
    fails("{{default nmae 5}}", "did you mean `name`?");
    fails("{{#if (and flag nmae)}}x{{/if}}", "There is no variable `nmae`");
    fails("{{format total \"0.0\" decimal=nmae}}", "There is no variable `nmae`");
    fails("{{lookup args \"x\"}}", "The lookup found nothing");
    fails("{{@idx}}", "There is no variable `@idx`");
    fails("{{records.title}}", "go through the list");
    assert!(evaluate("{{args.topp}}").is_err_and(|fault| fault.contains("`args.top`?")));
}

#[test]
fn a_missing_leaf_may_have_a_fallback() {
    is("{{default args.x 5}}{{default none 6}}{{default name 7}}", "56Ada");
    is("{{#if args.x}}a{{else}}b{{/if}}{{#unless args.x}}c{{/unless}}", "bc");
    is("{{#each records}}{{default note \"-\"}}{{#if note}}!{{/if}}{{#if (not note)}}?{{/if}}{{/each}}", "-?<b>!");
    is(
        "{{#each records as |r|}}{{default r.note \"-\"}}{{#each ../tags}}{{default ../note \"+\"}}{{/each}}{{/each}}",
        "-++<b><b><b>",
    );
    is("{{default (lookup args \"x\") \"none\"}}", "none");
    fails("{{default args.x.y 5}}", "There is no variable `args.x.y`");

    let text = Text::parse("{{default discount 0}}{{#if gift}}!{{/if}}").expect("parses");
    let record = Context::from(json!({"title": "One"}));
    assert_eq!(Templates::of_record().render(&text, &record, 100), Ok("0".to_owned()));
    assert!(Templates::plain().render(&text, &record, 100).is_err());
}

#[test]
fn helpers_do_what_they_say() {
    let cases = [
        ("{{date due \"%d.%m.%Y\"}}", "01.03.2026"),
        ("{{date \"2026-03-01T09:30:00+02:00\" \"%H:%M %z\"}}", "09:30 +0200"),
        ("{{date none \"%Y\"}}", ""),
        ("{{format total \"#,##0.00\"}}", "1,234.50"),
        ("{{format total \"#,##0.00 €\" decimal=\",\" group=\".\"}}", "1.234,50 €"),
        ("{{format 0.125 \"0.0%\"}} {{format -0.5 \"#.##\"}} {{format 7 \"000\"}}", "12.5% -.5 007"),
        ("{{format big \"#,##0\"}}", "9,007,199,254,740,993"),
        ("{{round 2.675 2}} {{round 2.5}} {{round -0.4}}", "2.68 3 0"),
        ("{{add 1 2 3}} {{sub 5 7}} {{mul 1.5 2}} {{div 6 3}} {{div 1 4}}", "6 -2 3.0 2 0.25"),
        ("{{add big 1}}", "9007199254740994"),
        ("{{upper name}}{{lower name}}{{trim \"  x \"}}", "ADAadax"),
        ("{{join tags \"-\"}} {{join tags}}", "a-b a, b"),
        ("{{length tags}} {{len name}} {{length args}} {{length none}}", "2 3 2 0"),
        ("{{json args}} {{json name}}", "{\"top\":5,\"mode\":\"fast\"} \"Ada\""),
        ("{{gt due \"2026-02-28T23:59:59Z\"}} {{lt name 3}} {{ne 1 1.0}}", "true false false"),
        ("{{concat name \"/\" count}} {{replace due \"-\" \"\"}}", "Ada/3 20260301"),
    ];
    cases.iter().for_each(|(source, expected)| is(source, expected));
    fails("{{date name \"%Y\"}}", "\"Ada\" is not an RFC 3339 date");
    fails("{{date due \"%Q\"}}", "pattern \"%Q\" is wrong");
    fails("{{div 1 0}}", "divided by zero");
    fails("{{add name 1}}", "\"Ada\" is not a number");
    fails("{{mul 1e308 1E308}}", "");
    fails("{{format total \"abc\"}}", "has no digits");
    fails("{{join name}}", "not a list");
    fails("{{#each name}}x{{/each}}", "neither a list nor an object");
}

#[test]
fn the_time_between_two_dates_is_signed() {
    let cases = [
        ("{{daysBetween due date}} {{daysBetween date due}}", "1 -1"),
        ("{{daysBetween \"2024-02-28\" \"2024-03-01\"}}", "2"),
        ("{{daysBetween \"2026-03-01T09:00:00Z\" \"2026-03-03T08:59:59Z\"}}", "1"),
        ("{{daysBetween \"2026-03-03T09:00:00Z\" \"2026-03-01T10:00:00Z\"}}", "-1"),
        ("{{hoursBetween \"2026-03-01T09:00:00Z\" \"2026-03-01T12:00:00+01:00\"}}", "2"),
        ("{{hoursBetween \"2026-03-01T09:00:00Z\" \"2026-03-01T07:30:00Z\"}}", "-1.5"),
        ("{{hoursBetween \"2026-03-01T09:00:00.5Z\" \"2026-03-01T09:00:00Z\"}}", "-0.0001388888888888889"),
        // If the other value is an instant, a date means midnight at its offset.
        ("{{hoursBetween due \"2026-03-01T03:00:00+02:00\"}} {{hoursBetween due date}}", "3 24"),
        ("[{{daysBetween none due}}{{hoursBetween due none}}]", "[]"),
    ];
    cases.iter().for_each(|(source, expected)| is(source, expected));
    assert_eq!(evaluate("{{daysBetween due date}}"), Ok(json!(1)));
    fails("{{daysBetween due name}}", "daysBetween: \"Ada\" is not an RFC 3339 date or instant, such as 2026-03-01");
    fails("{{hoursBetween count due}}", "hoursBetween: \"3\" is not an RFC 3339 date");
    fails("{{daysBetween due}}", "The helper `daysBetween` needs 2 values");
}

fn of(data: Value, source: &str) -> Result<Value, String> {
    let text = Text::parse(source).map_err(|fault| fault.to_string())?;
    let value = Templates::of_record().evaluate(&text, &Context::from(data), 1000);
    value.map_err(|fault| fault.to_string())
}

#[test]
fn a_name_with_dots_is_found_as_in_paths() {
    let data = json!({"c.name": "Ada", "s": {"x.y": {"z": 1}, "t": 2}, "l": [{"a.b": 3}, {"a.b": 4}], "o.p": [5, 6], "w.v": {"u": 7}});
    let cases = [
        ("{{c.name}}", json!("Ada")),
        ("{{upper c.name}}!", json!("ADA!")),
        ("{{s.x.y.z}}", json!(1)),
        ("{{default c.name 0}}", json!("Ada")),
        ("{{#each l}}{{a.b}}{{../c.name}}{{/each}}", json!("3Ada4Ada")),
        ("{{#each l as |r|}}{{r.a.b}}{{@root.c.name}}{{/each}}", json!("3Ada4Ada")),
        (
            "{{#each o.p}}{{this}}{{/each}}{{#with w.v}}{{u}}{{/with}}{{#with w.v as |x|}}{{x.u}}{{/with}}",
            json!("5677"),
        ),
        ("{{#if c.name}}yes{{/if}}", json!("yes")),
        ("{{[c.name]}}", json!("Ada")),
    ];
    for (source, expected) in cases {
        assert_eq!(of(data.clone(), source), Ok(expected), "{source}");
    }
    let fault = of(data, "{{c.nmae}}").expect_err("misspelled");
    assert_eq!(fault, "There is no variable `c.nmae`; did you mean `c.name`?");
    let none = of(json!({"c.name": 1, "s": 2}), "{{wholly.other}}").expect_err("unknown");
    assert_eq!(none, "There is no variable `wholly.other`; the known names are c.name, s");
}

#[test]
fn a_name_with_spaces_has_brackets() {
    let data = json!({"Airport Name": "Madrid", "Cost (EUR)": 5});
    assert_eq!(of(data.clone(), "{{upper [Airport Name]}} {{[Cost (EUR)]}}"), Ok(json!("MADRID 5")));
    let fails = |source: &str, expected: &str| {
        let fault = of(data.clone(), source).expect_err(source);
        assert!(fault.starts_with(expected), "{source}: {fault}");
    };
    let name = "There is no helper `Airport`; if `Airport Name` is the name of a field, write {{[Airport Name]}}";
    fails("{{Airport Name}}", name);
    fails("{{upper (Airport Name)}}", name);
    fails(
        "{{Cost (EUR)}}",
        "There is no helper `Cost`; if `Cost (EUR)` is the name of a field, write {{[Cost (EUR)]}}",
    );
    fails("{{upper Airport Name}}", "There is no variable `Airport`; did you mean `[Airport Name]`?");
    fails("{{Airport_Nme}}", "There is no variable `Airport_Nme`; did you mean `[Airport Name]`?");
}

#[test]
fn html_is_escaped_and_plain_is_not() {
    let text = Text::parse("{{records.1.note}} {{upper records.1.note}} {{{records.1.note}}}").expect("parses");
    let html = Templates::html().render(&text, &Context::from(data()), 1000);
    assert_eq!(html, Ok("&lt;b&gt; &lt;B&gt; <b>".to_owned()));
    is("{{records.1.note}}", "<b>");
}

#[test]
fn data_is_never_a_template() {
    is("{{evil}}", "{{name}} {{#each records}}x{{/each}}");
    assert_eq!(evaluate("{{evil}}"), Ok(data()["evil"].clone()));
    let text = Text::parse("{{(lookup a \"h\")}}").expect("parses");
    let named_like_a_helper = Context::from(json!({"a": {"h": "json"}}));
    assert_eq!(Templates::plain().render(&text, &named_like_a_helper, 100), Ok("json".to_owned()));
}

#[test]
fn refuses_what_is_not_supported() {
    let cases = [
        ("{{> part}}", "Partials"),
        ("{{#*inline \"x\"}}{{> x}}{{/inline}}{{> x}}", "Decorators"),
        ("{{#> layout}}x{{/layout}}", "Partials"),
        ("{{* deco x}}", "Decorators"),
        ("{{{{raw}}}}x{{{{/raw}}}}", "Raw blocks"),
        ("{{uper name}}", "There is no helper `uper`; did you mean `upper`?"),
        ("x\n {{#records}}x{{/records}}", "write {{#each records}} (line 2, column 2)"),
        ("{{#upper name}}x{{/upper}}", "is not a block"),
        ("{{each records \"x\"}}", "is a block"),
        ("{{upper (each records \"x\")}}", "is a block"),
        ("{{log \"x\" 1}}", "There is no helper `log`"),
        ("{{env \"HOME\"}}", "There is no helper `env`"),
        ("{{date due}}", "needs 2 values"),
        ("{{../name}}", "goes up more levels"),
        ("{{#if flag}}{{../name}}{{/if}}", "goes up more levels"),
        ("{{name", "not closed"),
        ("{{#if flag}}x", "cannot be read"),
        ("{{#if flag}}x{{/each}}", "cannot be read"),
        ("{{upper \"a}}\"}}", "not closed"),
    ];
    cases.iter().for_each(|(source, expected)| fails(source, expected));
}

#[test]
fn the_variables_that_are_read_are_collected() {
    let source = "{{today}} {{args.top}} {{default args.x 1}} {{#each lines.open.records}}{{title}}{{../count}}\
        {{@index}}{{@root.job.key}}{{#if ok}}{{../job.name}}{{/if}}{{/each}}{{#with args}}{{mode}}{{/with}}\
        {{#each values as |v|}}{{v.x}}{{#each v.y}}{{../../since}}{{/each}}{{/each}}{{json this}}{{(upper [odd name])}}";
    let text = Text::parse(source).expect("parses");
    let found: Vec<String> = text.variables().iter().map(ToString::to_string).collect();
    let expected = [
        "today",
        "args.top",
        "args.x",
        "lines.open.records",
        "count",
        "job.key",
        "job.name",
        "args",
        "args.mode",
        "values",
        "since",
        "this",
        "odd name",
    ];
    assert_eq!(found, expected);
    let optional: Vec<&Variable> = text.variables().iter().filter(|variable| variable.optional).collect();
    assert_eq!(optional.len(), 1);
    assert_eq!(optional[0].root(), "args");
}

#[test]
fn added_helpers_are_known() {
    struct Shout;
    impl HelperDef for Shout {
        fn call_inner<'reg: 'rc, 'rc>(
            &self,
            h: &handlebars::Helper<'rc>,
            _: &'reg handlebars::Handlebars<'reg>,
            _: &'rc Context,
            _: &mut handlebars::RenderContext<'reg, 'rc>,
        ) -> Result<handlebars::ScopedJson<'rc>, handlebars::RenderError> {
            let text = h.param(0).map(handlebars::PathAndJson::render).unwrap_or_default();
            Ok(Value::from(format!("{text}!")).into())
        }
    }
    let templates = Templates::plain().with_helper("shout", Box::new(Shout));
    let text = templates.parse("{{shout name}}").expect("known");
    assert_eq!(templates.evaluate(&text, &Context::from(data()), 100), Ok(json!("Ada!")));
    assert!(Text::parse("{{shout name}}").is_err());
    assert!(templates.parse("{{shuot name}}").is_err_and(|fault| fault.message.contains("`shout`")));
}

/// A guest has a stack of 1 MiB, a thread of the host 2 MiB.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run).expect("a thread");
    thread.join().expect("no overflow");
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    on_a_small_stack(|| {
        let deep = |open: &str, close: &str, times: usize| format!("{}x{}", open.repeat(times), close.repeat(times));
        fails(&deep("{{#if a}}", "{{/if}}", 20_000), "at most 65536 are allowed");
        fails(&deep("{{#if a}}", "{{/if}}", 65), "nested more than 64");
        fails(&deep("{{# if a}}", "{{/if}}", 100), "nested more than 64");
        fails(&deep("{{~\n#if a}}", "{{/if}}", 100), "nested more than 64");
        fails(&format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(4000)), "nested more than 64");
        fails(&format!("{{{{{}x{}}}}}", "(upper ".repeat(5000), ")".repeat(5000)), "more than 64 brackets");
        fails(&format!("{{{{upper {}}}}}", "[".repeat(30_000)), "longer than 1024 bytes");
        // Texts that only look like ends of blocks: in comments, escaped, or in a string.
        for false_end in ["{{!{{/if}}", "{{!-- {{/if}} --}}", r"\{{/if}}"] {
            fails(&format!("{{{{#if a}}}}{false_end}").repeat(200), "nested more than 64");
        }
        fails(&"{{#if a}}{{json \"}}{{/if}}\"}}".repeat(200), "not closed");
        fails(&"{{#if a}}{{json [a\"] \"}}{{/if}}\"}}".repeat(200), "brackets");
    });
}

#[test]
fn nesting_within_the_bound_is_fine_on_a_small_stack() {
    on_a_small_stack(|| {
        is(&format!("{}x{}", "{{#if flag}}".repeat(64), "{{/if}}".repeat(64)), "x");
        let calls = format!("{{{{{}name{}}}}}", "(upper ".repeat(60), ")".repeat(60));
        is(&format!("{}{calls}{}", "{{#if flag}}".repeat(60), "{{/if}}".repeat(60)), "ADA");
        let loops = format!("{}x{}", "{{#each @root.tags}}".repeat(64), "{{/each}}".repeat(64));
        fails(&loops, "repeats more than");
        let chain = format!("{{{{#if none}}}}{}x{{{{/if}}}}", "{{else if none}}".repeat(63));
        is(&chain, "");
    });
}

#[test]
fn a_partial_that_includes_itself_is_refused() {
    fails("{{#*inline \"a\"}}{{>a}}{{/inline}}{{>a}}", "Decorators");
}

#[test]
fn output_stops_at_its_limit() {
    let text = Text::parse("{{#each list}}{{../text}}{{/each}}").expect("parses");
    let data = Context::from(json!({"list": vec![0; 1000], "text": "x".repeat(100_000)}));
    let fault = Templates::plain().render(&text, &data, 1_000_000).expect_err("too long");
    assert!(fault.message.contains("longer than the 1000000 bytes allowed"), "{fault}");
    let single = Text::parse("{{text}}").expect("parses");
    assert!(Templates::plain().evaluate(&single, &data, 1000).is_err());
}

#[test]
fn work_stops_at_its_budget() {
    let data = Context::from(json!({"list": vec![0; 200], "long": "x".repeat(1_000_000)}));
    let fault = |source: &str| {
        let text = Text::parse(source).expect("parses");
        Templates::plain().render(&text, &data, 1 << 30).expect_err("too much").message
    };
    let nested = "{{#each list}}{{#each ../list}}{{#each @root.list}}abcdefghij{{/each}}{{/each}}{{/each}}";
    assert!(fault(nested).contains("repeats more than 1000000 times"));
    let heavy = "{{#each list}}{{#each @root.list}}{{length (upper @root.long)}}{{/each}}{{/each}}";
    assert!(fault(heavy).contains("too much work"));
    let doubling = format!("{{{{length {}long{}}}}}", "(json ".repeat(60), ")".repeat(60));
    assert!(fault(&doubling).contains("MiB"));
    let joined = "{{length (join list long)}}";
    assert!(fault(joined).contains("longer than 16 MiB"));
}

#[test]
fn the_longest_template_is_read_quickly() {
    let source = format!("{}{}", "x".repeat(50_000), "{{a}} ".repeat(MOST_TAGS));
    let started = std::time::Instant::now();
    assert!(Text::parse(&source).is_ok());
    assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
    println!("read in {:?}", started.elapsed());
    assert!(Text::parse(&"{{a}} ".repeat(MOST_TAGS + 1)).is_err());
}

#[test]
fn templates_and_texts_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Templates>();
    shared::<Text>();
}

/// A path is looked up part by part, and once more to suggest a name.
#[test]
fn a_path_is_bounded() {
    let path = |parts: usize| format!("{{{{a{}}}}}", ".a".repeat(parts - 1));
    fails(&path(64), "There is no variable");
    fails(&path(65), "A path has more than 64 parts (line 1, column 1)");
    fails(&path(30_000), "A path has more than 64 parts");
    fails(&path(30_000).replace('.', "/"), "A path has more than 64 parts");
    fails(&format!("{{{{upper (lower x={})}}}}", "[a b].".repeat(65)), "A path has more than 64 parts");
    fails(&format!("{{{{{}}}}}", "a".repeat(MAX_PATH_BYTES + 1)), "A path is longer than 1024 bytes");
    fails(&format!("{{{{[{}]}}}}", "a b".repeat(MAX_PATH_BYTES)), "A path is longer than 1024 bytes");
    fails(&format!("{{{{{}a}}}}", "../".repeat(20_000)), "A path is longer than 1024 bytes");
    is(&format!("{{{{json \"{}\"}}}}", "a.".repeat(2000)), &format!("\"{}\"", "a.".repeat(2000)));
}

#[test]
fn the_number_of_words_is_bounded() {
    let words = |count: usize| format!("{{{{concat{}}}}}", " 1".repeat(count - 1));
    is(&words(MAX_TOKENS), &"1".repeat(MAX_TOKENS - 1));
    fails(&words(MAX_TOKENS + 1), "The template has more than 10000 words in its tags");
    fails(&format!("{{{{concat{}}}}}", " \"a\"".repeat(MAX_TOKENS)), "more than 10000 words");
    fails(&format!("{{{{concat{}}}}}", "\"a\"".repeat(MAX_TOKENS)), "more than 10000 words");
    fails(&format!("{{{{concat 1{}}}}}", " a=1".repeat(MAX_TOKENS / 2)), "more than 10000 words");
    // The parser computes the line of each comment too.
    fails(&"{{!}}".repeat(MOST_TAGS + 1), "more than 2000 tags");
}

#[test]
fn a_pattern_is_bounded() {
    let long = format!("{{{{date due \"{}\"}}}}", "%Y".repeat(129));
    fails(&long, "date: the pattern has 258 bytes; at most 256 are allowed");
    fails(
        &format!("{{{{format total \"{}\"}}}}", "0".repeat(257)),
        "the pattern has 257 bytes; at most 256 are allowed",
    );
    is(&format!("{{{{date due \"{}\"}}}}", "%Y".repeat(128)), &"2026".repeat(128));
}

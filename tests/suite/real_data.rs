//! Real data sets that nobody here made; every figure is computed again by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{folder, real_data, run, write};

fn result(job: &Value) -> Value {
    let folder = folder();
    let file = write(folder.path(), "job.json", &job.to_string());
    let ended = run(&["run", &file, "--json"]);
    assert_eq!(ended.code, 0, "{ended:#?}");
    ended.json()
}

fn json_file(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// Cells of a CSV file without quotes in it, by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let header: Vec<_> = lines.next().expect("a header").split(',').map(str::to_owned).collect();
    lines.map(|line| header.iter().cloned().zip(line.split(',').map(str::to_owned)).collect()).collect()
}

#[test]
fn films_of_a_decade_by_rating() {
    let Some(data) = real_data() else { return };
    let path = data.join("movies.json");
    let result = result(&json!({"key": "films", "lines": [
        {"filter": {"source": {"file": path}, "where": {"Release Date": {"like": "%199_"}, "IMDB Rating": {"gte": 8}}, "orderBy": ["-IMDB Rating", "-IMDB Votes"]}},
        {"action": "set", "parameters": {"compute": {"label": "{{Title}} ({{[IMDB Rating]}})"}}},
        {"filter": {"select": {"title": "Title", "rating": "IMDB Rating", "votes": "IMDB Votes", "label": "label"}}},
    ]}));
    let films = json_file(&path);
    let mut expected: Vec<_> = films
        .as_array()
        .expect("films")
        .iter()
        .filter(|film| {
            let nineties = film["Release Date"]
                .as_str()
                .is_some_and(|date| date.len() >= 4 && date[..date.len() - 1].ends_with("199"));
            nineties && film["IMDB Rating"].as_f64().is_some_and(|rating| rating >= 8.0)
        })
        .collect();
    let number = |film: &Value, field: &str| film[field].as_f64().unwrap_or(-1.0);
    expected.sort_by(|a, b| {
        let rating = number(b, "IMDB Rating").total_cmp(&number(a, "IMDB Rating"));
        rating.then(number(b, "IMDB Votes").total_cmp(&number(a, "IMDB Votes")))
    });
    let titles = |list: &[Value]| list.iter().map(|film| film["title"].clone()).collect::<Vec<_>>();
    let expected_titles: Vec<_> = expected.iter().map(|film| film["Title"].clone()).collect();
    assert!(expected_titles.len() > 30);
    assert_eq!(titles(result["records"].as_array().expect("records")), expected_titles);
    assert_eq!(result["lines"][0]["recordsIn"], films.as_array().expect("films").len());
}

#[test]
fn titles_that_are_numbers_stay_numbers() {
    let Some(data) = real_data() else { return };
    let path = data.join("movies.json");
    let films = json_file(&path);
    let numbers: Vec<_> =
        films.as_array().expect("films").iter().map(|film| film["Title"].clone()).filter(Value::is_number).collect();
    assert!(!numbers.is_empty());
    let result = result(&json!({"key": "numbers", "lines": [
        {"filter": {"source": {"file": path}}},
        {"action": "js", "parameters": {"script": "return records.filter(r => typeof r.Title === 'number')"}},
    ]}));
    let titles: Vec<_> =
        result["records"].as_array().expect("records").iter().map(|film| film["Title"].clone()).collect();
    assert_eq!(titles, numbers);
}

#[test]
fn airports_of_one_state_sorted() {
    let Some(data) = real_data() else { return };
    let path = data.join("airports.csv");
    let result = result(&json!({"key": "airports", "lines": [
        {"filter": {"source": {"file": {"path": path, "columns": {"latitude": "number"}}}, "where": {"state": "AK"}, "orderBy": "-latitude", "select": ["iata", "latitude"]}},
    ]}));
    let text = fs::read_to_string(&path).expect("a file");
    let mut expected: Vec<_> = text
        .lines()
        .skip(1)
        .filter(|line| line.contains(",AK,USA,"))
        .map(|line| {
            let cells: Vec<_> = line.rsplit(',').collect();
            (
                cells[1].parse::<f64>().expect("a latitude"),
                line.split(',').next().expect("a code").trim_matches('"').to_owned(),
            )
        })
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let got: Vec<_> = result["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| (one["latitude"].as_f64().expect("a number"), one["iata"].as_str().expect("a code").to_owned()))
        .collect();
    assert!(got.len() > 200);
    assert_eq!(got, expected);
}

#[test]
fn weather_aggregated_by_month() {
    let Some(data) = real_data() else { return };
    let path = data.join("seattle-weather.csv");
    let columns = json!({"precipitation": "number", "temp_max": "number"});
    let result = result(&json!({"key": "weather", "batchSize": 100, "lines": [
        {"filter": {"source": {"file": {"path": path, "columns": columns}}}},
        {"action": "js", "parameters": {"script": "return records.map(r => ({ ...r, month: r.date.slice(0, 7) }))"}},
        {"action": "aggregate", "parameters": {"groupBy": ["month"], "values": {"days": {"count": true}, "rain": {"sum": "precipitation"}, "hottest": {"max": "temp_max"}}}},
        {"filter": {"orderBy": "month"}},
    ]}));
    let mut expected: BTreeMap<String, (u64, f64, f64)> = BTreeMap::new();
    for row in rows(&fs::read_to_string(&path).expect("a file")) {
        let month = expected.entry(row["date"][..7].to_owned()).or_insert((0, 0.0, f64::MIN));
        let number = |name: &str| row[name].parse::<f64>().expect("a number");
        *month = (month.0 + 1, month.1 + number("precipitation"), month.2.max(number("temp_max")));
    }
    let months = result["records"].as_array().expect("records");
    assert_eq!(months.len(), expected.len());
    for (got, (month, (days, rain, hottest))) in months.iter().zip(expected) {
        assert_eq!((got["month"].as_str(), got["days"].as_u64()), (Some(month.as_str()), Some(days)));
        assert!((got["rain"].as_f64().expect("a number") - rain).abs() < 1e-9, "{got}");
        assert_eq!(got["hottest"].as_f64(), Some(hottest));
    }
}

#[test]
fn earthquakes_out_of_a_nested_array() {
    let Some(data) = real_data() else { return };
    let path = data.join("earthquakes.json");
    let result = result(&json!({"key": "quakes", "lines": [
        {"filter": {"source": {"file": {"path": path, "pointer": "/features"}}, "where": {"properties.mag": {"gte": 4.5}}, "orderBy": ["-properties.mag", "id"], "select": {"id": "id", "mag": "properties.mag", "depth": "geometry.coordinates.2"}}},
    ]}));
    let quakes = json_file(&path);
    let mut expected: Vec<_> = quakes["features"]
        .as_array()
        .expect("features")
        .iter()
        .filter(|quake| quake["properties"]["mag"].as_f64().is_some_and(|mag| mag >= 4.5))
        .map(|quake| {
            (
                quake["properties"]["mag"].as_f64().expect("a number"),
                quake["id"].as_str().expect("an id").to_owned(),
                quake["geometry"]["coordinates"][2].as_f64(),
            )
        })
        .collect();
    expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let got: Vec<_> = result["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| {
            (
                one["mag"].as_f64().expect("a number"),
                one["id"].as_str().expect("an id").to_owned(),
                one["depth"].as_f64(),
            )
        })
        .collect();
    assert!(got.len() > 20);
    assert_eq!(got, expected);
}

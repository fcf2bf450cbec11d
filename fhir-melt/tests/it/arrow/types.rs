use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_schema::{DataType, TimeUnit};
use fhir_melt::arrow::{ArrowOptions, PassOptions, Profile, Rows, defect_batch};
use fhir_melt::{MeltOptions, melt};
use table_description::typing::Zone;
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use super::rendered::column;
use super::{input, pass};
use crate::flatten::{PAGE, description};

fn observation() -> Description {
    let columns = [
        ("id", FhirType::String),
        ("effectiveDateTime", FhirType::DateTime),
        ("valueQuantity/value", FhirType::Decimal),
        ("valueTime", FhirType::Time),
        ("valueInteger", FhirType::Integer),
        ("category/coding/code", FhirType::String),
        ("component/valueQuantity/value", FhirType::Decimal),
    ];
    let columns = columns.map(|(path, fhir_type)| {
        let origin = Origin::Element(ElementPath::new(path));
        Column::new(path.replace('/', "_"), origin, fhir_type)
    });
    Description {
        tables: vec![Arc::new(TableDescription {
            name: "observation".to_owned(),
            resource: Some("Observation".to_owned()),
            prefix: String::new(),
            columns: columns.to_vec(),
            melt: MeltMode::Product,
        })],
    }
}

const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"a","effectiveDateTime":"2020-03","valueQuantity":{"value":1.250},
"category":[{"coding":[{"code":"vital-signs"},{"code":"x"}]}],"component":[{"valueQuantity":{"value":0.1}},{"valueQuantity":{"value":1e-9}}]}
{"resourceType":"Observation","id":"b","effectiveDateTime":"2020-03-29T02:30:00","valueTime":"24:00:00","valueInteger":7}
{"resourceType":"Observation","id":"c","effectiveDateTime":"2020","valueTime":"08:15:30.5","valueInteger":"seven"}
"#;

fn refused(profile: Profile, data_type: &DataType) -> bool {
    let simple = match data_type {
        DataType::Utf8View | DataType::Time64(_) => profile != Profile::Native,
        DataType::Dictionary(..) => profile == Profile::Spark,
        DataType::Timestamp(unit, _) => *unit == TimeUnit::Nanosecond,
        _ => false,
    };
    simple || matches!(data_type, DataType::List(item) if refused(profile, item.data_type()))
}

#[test]
fn what_a_consumer_refuses_is_never_made_for_it() {
    for profile in Profile::ALL {
        for rows in [
            Rows::Typed(Zone::berlin()),
            Rows::Lists(Zone::berlin()),
            Rows::Text,
            Rows::Raw(fhir_crack::Notation::default()),
        ] {
            let mut options = PassOptions::new(rows);
            options.arrow.profile = profile;
            options.arrow.precision = true;
            options.arrow.dictionaries = true;
            let given = pass(&observation(), options, vec![input("", OBSERVATION.as_bytes())]);
            let batches = &given.tables["observation"];
            let schemas = batches.iter().map(|batch| batch.schema());
            let defects = defect_batch(profile, &given.defects).expect("a batch");
            for schema in schemas.chain([defects.schema()]) {
                for field in schema.fields() {
                    assert!(!refused(profile, field.data_type()), "{profile:?}: {field}");
                }
            }
            assert_eq!(defects.num_rows(), given.defects.len());
        }
    }
}

#[test]
fn fields_know_path_and_type_and_how_much_of_a_date_was_given() {
    let mut options = PassOptions::new(Rows::Typed(Zone::berlin()));
    options.arrow.precision = true;
    let given = pass(&observation(), options, vec![input("", OBSERVATION.as_bytes())]);
    let batches = &given.tables["observation"];
    let schema = batches[0].schema();
    let field = schema.field_with_name("effectiveDateTime").expect("the field");
    assert_eq!(field.metadata()["fhir.path"], "effectiveDateTime");
    assert_eq!(field.metadata()["fhir.type"], "datetime");
    assert_eq!(schema.metadata()["fhir.resource"], "Observation");
    let given_part = column(batches, "effectiveDateTime_precision");
    let given_part: Vec<&str> = given_part.iter().flatten().map(String::as_str).collect();
    assert_eq!(given_part, ["month", "month", "month", "month", "second", "year"]);
    // Moved out of the hour that summer time skips, and 24:00:00, which the type has no value for.
    assert_eq!(
        column(batches, "effectiveDateTime")[4].as_deref(),
        Some("2020-03-29 03:30:00")
    );
    assert_eq!(column(batches, "valueTime")[4], None);
    assert_eq!(column(batches, "valueTime")[5].as_deref(), Some("08:15:30.5"));
    let kinds: Vec<String> = given
        .defects
        .iter()
        .map(|defect| defect.kind.to_string())
        .collect();
    assert_eq!(kinds, ["shifted_out_of_gap", "not_an_integer"]);
}

#[test]
fn decimals_keep_their_digits_or_are_told() {
    for rows in [Rows::Typed(Zone::berlin()), Rows::Lists(Zone::berlin())] {
        let lists = matches!(rows, Rows::Lists(_));
        let mut options = PassOptions::new(rows);
        options
            .arrow
            .decimals
            .columns
            .insert("component_valueQuantity_value".to_owned(), (12, 3));
        options.arrow.profile = Profile::Spark;
        options.batch_rows = 1;
        let given = pass(&observation(), options, vec![input("", OBSERVATION.as_bytes())]);
        let batches = &given.tables["observation"];
        let exact = column(batches, "component_valueQuantity_value");
        let field = batches[0].schema();
        let field = field.field_with_name("valueQuantity_value").expect("the field");
        assert_eq!(field.data_type(), &DataType::Float64);
        let told: Vec<String> = given.defects.iter().map(ToString::to_string).collect();
        let misfits = told.iter().filter(|told| told.ends_with("out_of_range")).count();
        assert_eq!(misfits, 1, "{told:?}");
        if lists {
            assert_eq!(exact[0].as_deref(), Some("0.100|NULL"));
            assert_eq!(exact[1].as_deref(), Some(""));
        } else {
            let cells: Vec<Option<&str>> = exact.iter().take(4).map(Option::as_deref).collect();
            assert_eq!(cells, [Some("0.100"), Some("0.100"), None, None]);
        }
    }
}

#[test]
fn a_row_a_resource_has_lists_where_elements_repeat() {
    let options = PassOptions::new(Rows::Lists(Zone::berlin()));
    let given = pass(&observation(), options, vec![input("", OBSERVATION.as_bytes())]);
    let batches = &given.tables["observation"];
    assert_eq!(column(batches, "id").len(), 3);
    assert_eq!(
        column(batches, "category_coding_code")[0].as_deref(),
        Some("vital-signs|x")
    );
    assert_eq!(column(batches, "category_coding_code")[1].as_deref(), Some(""));
    assert_eq!(column(batches, "valueQuantity_value")[0].as_deref(), Some("1.25"));
    assert_eq!(given.defects.len(), 2);
}

#[test]
fn long_texts_are_views_of_the_page_where_that_is_worth_it() {
    let long = "a long family name that is no view of twelve bytes".repeat(4);
    let page = format!(r#"{{"resourceType":"Patient","id":"p","name":[{{"family":"{long}"}}]}}"#);
    let cracked = fhir_crack::crack(page.as_bytes(), &description(MeltMode::Product)).expect("a page");
    let melted = melt(&cracked.batches[0], &MeltOptions::default());
    let batch = &melted
        .to_record_batches(&ArrowOptions::default())
        .expect("a batch")[0];
    drop(melted);
    let family = batch
        .column_by_name("name_family")
        .expect("the column")
        .as_string_view();
    assert_eq!(family.value(0), long);
    assert_eq!(family.data_buffers()[0].len(), page.len(), "the page itself");
    let id = batch.column_by_name("id").expect("the column").as_string_view();
    assert!(id.data_buffers().is_empty(), "short texts keep no page");
    // Of a page with little to show, texts are copied.
    let page = format!(
        r#"{{"resourceType":"Patient","text":{{"div":"{}"}},"id":"{long}"}}"#,
        "x".repeat(9_000)
    );
    let cracked = fhir_crack::crack(page.as_bytes(), &description(MeltMode::Product)).expect("a page");
    let melted = melt(&cracked.batches[0], &MeltOptions::default());
    let batch = &melted
        .to_record_batches(&ArrowOptions::default())
        .expect("a batch")[0];
    let id = batch.column_by_name("id").expect("the column").as_string_view();
    assert_eq!(id.value(0), long);
    assert!(
        id.data_buffers()
            .iter()
            .all(|buffer| buffer.len() < page.len() / 2)
    );
}

#[test]
fn a_typed_batch_alone_says_what_its_rows_say() {
    let cracked = fhir_crack::crack(PAGE.as_bytes(), &description(MeltMode::Product)).expect("a page");
    let melted = melt(&cracked.batches[0], &MeltOptions::default());
    let (typed, _) = melted.typed(&Zone::berlin());
    let batch = typed.to_record_batch(&ArrowOptions::default()).expect("a batch");
    assert_eq!(batch.num_rows(), typed.rows());
    let all = [batch];
    for (number, described) in typed.table().columns.iter().enumerate() {
        for (row, cell) in column(&all, &described.name).iter().enumerate() {
            let expected = typed.value(row, number).map(|value| {
                let mut text = Vec::new();
                table_description::typing::write_sql(&value, &mut text);
                String::from_utf8(text).expect("text")
            });
            assert_eq!(cell, &expected);
        }
    }
}

//! Whatever a text holds, it stays text.

use maud::html;
use web_pages::{Choice, Field, Form, Input, Notice, Page, Table};

const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&";

#[test]
fn no_text_becomes_markup() {
    let choices = || {
        vec![Choice {
            code: EVIL,
            label: EVIL,
            chosen: true,
        }]
    };
    let line = || Input::Line {
        kind: EVIL,
        value: EVIL,
        step: EVIL,
        autocomplete: EVIL,
    };
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    let inputs: [fn(&dyn Fn() -> Vec<Choice<'static>>) -> Input<'static>; 5] = [
        |_| Input::Shown(EVIL),
        |_| Input::Lines(EVIL),
        |choices| Input::Select(choices()),
        |choices| Input::Buttons(choices()),
        |choices| Input::Boxes(choices()),
    ];
    let field = |input: Input<'static>| Field {
        name: EVIL,
        label: EVIL,
        note: EVIL,
        fault: EVIL,
        required: true,
        hidden: false,
        input,
    };
    let mut fields = html! { (field(line()).render()) };
    for input in inputs {
        fields = html! { (fields) (field(input(&choices)).render()) };
    }
    let mut table = Table::new(EVIL, &[EVIL]);
    table.push(vec![html! { (EVIL) }]);
    let page = Page::new(EVIL)
        .site(EVIL)
        .link(EVIL, EVIL, true)
        .below(EVIL, EVIL)
        .signed_in(EVIL, EVIL, EVIL)
        .notice(Notice::Bad(EVIL.to_owned()))
        .body(html! { (Form::new(EVIL, EVIL).shown_by(EVIL).submit(EVIL).body(fields).render()) (table.render()) });
    let text = page.render().into_string();
    assert!(!text.contains("<script>") && !text.contains("<img"), "{text}");
    assert!(!text.contains("\"'>"), "a text ends an attribute");
    assert!(text.matches("&lt;script&gt;").count() > 25);
}

#[test]
fn a_text_that_begins_with_a_line_end_keeps_it() {
    let field = Field {
        name: "note",
        label: "Note",
        input: Input::Lines("\nfirst"),
        ..Field::default()
    };
    // HTML leaves out one line end behind the tag.
    assert!(field.render().into_string().contains(">\n\nfirst</textarea>"));
}

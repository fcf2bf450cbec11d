//! Forms and their fields.

use maud::{Markup, html};

use crate::token::FIELD;

/// A form that is posted.
pub struct Form<'a> {
    action: &'a str,
    token: &'a str,
    shown: Option<&'a str>,
    body: Markup,
    submit: &'a str,
    more: Markup,
}

/// A field with its label.
#[derive(Default)]
pub struct Field<'a> {
    /// Name that its value is posted under.
    pub name: &'a str,
    /// What people read beside it.
    pub label: &'a str,
    /// Small text below it; empty for none.
    pub note: &'a str,
    /// What is wrong with its value; empty for nothing.
    pub fault: &'a str,
    /// Whether it must be answered; said, not forced, so that half a form can be kept.
    pub required: bool,
    /// Whether it is hidden for now.
    pub hidden: bool,
    /// How it is answered.
    pub input: Input<'a>,
}

/// How a field is answered.
#[derive(Default)]
pub enum Input<'a> {
    /// Not at all: the value is shown.
    #[default]
    Plain,
    /// A value that is shown.
    Shown(&'a str),
    /// One line; the type is one of HTML's, such as `text` or `date`.
    Line {
        /// HTML's type of the input.
        kind: &'a str,
        /// The value now.
        value: &'a str,
        /// HTML's `step`; empty for none.
        step: &'a str,
        /// HTML's `autocomplete`; empty for `off`.
        autocomplete: &'a str,
    },
    /// Several lines.
    Lines(&'a str),
    /// One of a list.
    Select(Vec<Choice<'a>>),
    /// One of several buttons, or none.
    Buttons(Vec<Choice<'a>>),
    /// Any of several boxes, each posted under its own name.
    Boxes(Vec<Choice<'a>>),
}

/// One of the answers a field offers.
pub struct Choice<'a> {
    /// What is posted; the name of a box.
    pub code: &'a str,
    /// What people read.
    pub label: &'a str,
    /// Whether it is the value now.
    pub chosen: bool,
}

impl<'a> Form<'a> {
    /// A form that is posted to `action` with the session's token.
    #[must_use]
    pub fn new(action: &'a str, token: &'a str) -> Self {
        Self {
            action,
            token,
            shown: None,
            body: html! {},
            submit: "Save",
            more: html! {},
        }
    }

    /// Where the script asks which fields are hidden: the answers are posted there, a JSON list of names comes back.
    #[must_use]
    pub fn shown_by(mut self, path: &'a str) -> Self {
        self.shown = Some(path);
        self
    }

    /// The fields.
    #[must_use]
    pub fn body(mut self, body: Markup) -> Self {
        self.body = body;
        self
    }

    /// Text of the button.
    #[must_use]
    pub fn submit(mut self, label: &'a str) -> Self {
        self.submit = label;
        self
    }

    /// What stands beside the button.
    #[must_use]
    pub fn more(mut self, more: Markup) -> Self {
        self.more = more;
        self
    }

    /// The form.
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            form.entry method="post" action=(self.action) data-shown=[self.shown] autocomplete="off" novalidate {
                input type="hidden" name=(FIELD) value=(self.token);
                (self.body)
                div.actions {
                    button type="submit" { (self.submit) }
                    (self.more)
                }
            }
        }
    }
}

impl Field<'_> {
    /// The field.
    #[must_use]
    pub fn render(&self) -> Markup {
        let id = format!("f-{}", self.name);
        let (note, fault) = (format!("{id}-note"), format!("{id}-fault"));
        let mut described = Vec::new();
        described.extend((!self.note.is_empty()).then_some(note.as_str()));
        described.extend((!self.fault.is_empty()).then_some(fault.as_str()));
        let described = (!described.is_empty()).then(|| described.join(" "));
        let below = html! {
            @if !self.note.is_empty() { span.note id=(note) { (self.note) } }
            @if !self.fault.is_empty() { span.fault id=(fault) { (self.fault) } }
        };
        let group = matches!(self.input, Input::Buttons(_) | Input::Boxes(_));
        let plain = matches!(self.input, Input::Plain | Input::Shown(_));
        let class = match (plain, self.fault.is_empty()) {
            (true, _) => "field plain",
            (false, true) => "field",
            (false, false) => "field wrong",
        };
        html! {
            @if group {
                fieldset class=(class) data-field=(self.name) hidden[self.hidden] aria-describedby=[described.as_deref()] {
                    legend { (self.head()) }
                    (self.group(&id))
                    (below)
                }
            } @else {
                div class=(class) data-field=(self.name) hidden[self.hidden] {
                    label for=[(!plain).then_some(id.as_str())] { (self.head()) }
                    (self.control(&id, described.as_deref()))
                    (below)
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! { (self.label) @if self.required { " " span.must { "(required)" } } }
    }

    fn control(&self, id: &str, described: Option<&str>) -> Markup {
        let invalid = (!self.fault.is_empty()).then_some("true");
        match &self.input {
            Input::Shown(value) => html! { span.value id=(id) { (value) } },
            Input::Line {
                kind,
                value,
                step,
                autocomplete,
            } => {
                let step = (!step.is_empty()).then_some(*step);
                let autocomplete = if autocomplete.is_empty() {
                    "off"
                } else {
                    *autocomplete
                };
                html! {
                    input id=(id) name=(self.name) type=(kind) value=(value) step=[step] autocomplete=(autocomplete)
                        aria-invalid=[invalid] aria-describedby=[described];
                }
            }
            Input::Lines(value) => html! {
                // A line break right behind the tag is not part of the value.
                textarea id=(id) name=(self.name) aria-invalid=[invalid] aria-describedby=[described] { "\n" (value) }
            },
            Input::Select(choices) => html! {
                select id=(id) name=(self.name) aria-invalid=[invalid] aria-describedby=[described] {
                    option value="" { "" }
                    @for choice in choices { option value=(choice.code) selected[choice.chosen] { (choice.label) } }
                }
            },
            Input::Plain | Input::Buttons(_) | Input::Boxes(_) => html! {},
        }
    }

    fn group(&self, id: &str) -> Markup {
        let none = Choice {
            code: "",
            label: "No answer",
            chosen: false,
        };
        match &self.input {
            Input::Buttons(choices) => {
                let chosen = choices.iter().any(|choice| choice.chosen);
                html! {
                    div.choices {
                        @for (at, choice) in choices.iter().chain([&none]).enumerate() {
                            @let checked = choice.chosen || (choice.code.is_empty() && !chosen);
                            label {
                                input type="radio" id={ (id) "-" (at) } name=(self.name) value=(choice.code) checked[checked];
                                span { (choice.label) }
                            }
                        }
                    }
                }
            }
            Input::Boxes(choices) => html! {
                div.choices {
                    @for choice in choices {
                        label {
                            input type="checkbox" id={ "f-" (choice.code) } name=(choice.code) value="1" checked[choice.chosen];
                            span { (choice.label) }
                        }
                    }
                }
            },
            _ => html! {},
        }
    }
}

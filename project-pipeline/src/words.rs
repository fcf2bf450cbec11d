//! Shell words, as Python's `shlex` splits and quotes them.

/// Why a text has no words: a quote is not closed, or a backslash ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    Quote,
    Escape,
}

/// Splits at blanks; quotes and backslashes keep blanks together. Nothing is expanded, `#` is no comment.
pub(crate) fn split(text: &str) -> Result<Vec<String>, Unfinished> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => word
                .get_or_insert_default()
                .push(rest.next().ok_or(Unfinished::Escape)?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Unfinished> {
    loop {
        match rest.next().ok_or(Unfinished::Quote)? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

fn double_quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), Unfinished> {
    loop {
        match rest.next().ok_or(Unfinished::Quote)? {
            '"' => return Ok(()),
            '\\' => {
                let c = rest.next().ok_or(Unfinished::Escape)?;
                if !matches!(c, '"' | '\\') {
                    word.push('\\');
                }
                word.push(c);
            }
            c => word.push(c),
        }
    }
}

/// Joins words so that `split` gives them back.
pub(crate) fn join<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word.as_ref())).collect();
    quoted.join(" ")
}

fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\"'\"'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_joined() {
        let words = |s: &str| split(s).map(|w| w.join("|"));
        assert_eq!(
            words("a  'b c' \"d\\\"e\" f\\ g"),
            Ok("a|b c|d\"e|f g".to_owned())
        );
        assert_eq!(words("a '' # b"), Ok("a||#|b".to_owned()));
        assert_eq!(words("\"a\\$b\""), Ok("a\\$b".to_owned()));
        assert_eq!(words("a 'b"), Err(Unfinished::Quote));
        assert_eq!(words("a \\"), Err(Unfinished::Escape));
        let hard = ["a b", "it's", "", "$x", "x=1"];
        assert_eq!(split(&join(&hard)).expect("joined"), hard);
    }
}

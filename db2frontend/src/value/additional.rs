//! The coding of `*_additional_values`, whose text holds characters that the frontend's own scripts stumble over.
//!
//! `+ # & ' newline "` become `%PLUS% %POUND% %AMPER% %APOS% %LINE% %QUOTE%`. A `%` that stands before one of these words in
//! the text itself becomes `%PERCENT%`, so that every text comes back as it was.

const WORDS: [(char, &str); 7] = [
    ('+', "PLUS"),
    ('#', "POUND"),
    ('&', "AMPER"),
    ('\'', "APOS"),
    ('\n', "LINE"),
    ('"', "QUOTE"),
    ('%', "PERCENT"),
];

/// The text as it is sent to the frontend.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or("");
        match WORDS.iter().find(|(plain, _)| *plain == c) {
            Some(('%', _)) if !WORDS.iter().any(|(_, word)| rest.starts_with(word)) => out.push('%'),
            Some((_, word)) => {
                out.push('%');
                out.push_str(word);
                out.push('%');
            }
            None => out.push(c),
        }
    }
    out
}

/// The text that was encoded.
#[must_use]
pub fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = after.get(1..).unwrap_or("");
        let found = WORDS.iter().find_map(|(plain, word)| {
            let left = after.strip_prefix(word)?.strip_prefix('%')?;
            Some((*plain, left))
        });
        match found {
            Some((plain, left)) => {
                out.push(plain);
                rest = left;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_have_words() {
        assert_eq!(
            encode("a+b#c&d'e\nf\"g"),
            "a%PLUS%b%POUND%c%AMPER%d%APOS%e%LINE%f%QUOTE%g"
        );
        assert_eq!(encode("100 % and 5%"), "100 % and 5%");
        assert_eq!(decode("a%PLUS%b %PLUSb% %"), "a+b %PLUSb% %");
        assert_eq!(encode("%PLUS%"), "%PERCENT%PLUS%");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(parts in proptest::collection::vec(
            prop_oneof![Just("%"), Just("PLUS"), Just("%PLUS%"), Just("+"), Just("LINE"), Just("PERCENT"), Just("'"), Just("\n"), Just("ä😀")],
            0..12,
        )) {
            let text = parts.concat();
            prop_assert_eq!(decode(&encode(&text)), text);
        }

        #[test]
        fn every_other_text_too(text in ".*") {
            let encoded = encode(&text);
            prop_assert!(!encoded.contains(['+', '#', '&', '\'', '\n', '"']));
            prop_assert_eq!(decode(&encoded), text);
        }
    }
}

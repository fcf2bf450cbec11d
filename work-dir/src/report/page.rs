use quick_xml::escape::escape;
use ring::digest::{SHA256, digest};

/// A whole page: everything it needs is in it. The one script filters the cards of a long page by name; a policy allows that
/// text and nothing else.
pub(crate) fn page(title: &str, body: &str) -> String {
    let searches = body.contains("id=\"search\"");
    let (policy, script) = if searches {
        let hash = base64(digest(&SHA256, SCRIPT.as_bytes()).as_ref());
        (
            format!("; script-src 'sha256-{hash}'"),
            format!("<script>{SCRIPT}</script>"),
        )
    } else {
        (String::new(), String::new())
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:{policy}\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n{script}</body>\n</html>\n",
        escape(title)
    )
}

/// A field that filters the cards; hidden where scripts are off.
pub(crate) const SEARCH: &str = "<p class=\"search\"><label hidden id=\"search-label\">find a column \
                                 <input id=\"search\" type=\"search\" autocomplete=\"off\"></label></p>";

const SCRIPT: &str = "const field=document.getElementById('search');\
document.getElementById('search-label').hidden=false;\
field.addEventListener('input',()=>{const wanted=field.value.trim().toLowerCase();\
for(const card of document.querySelectorAll('[data-name]'))card.hidden=!card.dataset.name.toLowerCase().includes(wanted);});";

/// Base 64 of RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=three.len()].copy_from_slice(three);
        let word = u32::from_be_bytes(word);
        for digit in 0..4 {
            let value = (word >> (18 - 6 * digit)) & 63;
            let is_padding = digit > three.len();
            out.push(if is_padding {
                '='
            } else {
                char::from(DIGITS[value as usize])
            });
        }
    }
    out
}

const STYLE: &str = "
:root{--ground:#fff;--card:#f5f7f9;--text:#1b242d;--soft:#56636f;--line:#d5dce2;--bar:#2f6f9f;--few:#b9c3cc;--mark:#b4500f;
--stop:#b3261e;--warn:#8a5a00;--good:#1d6b3a}
@media (prefers-color-scheme:dark){:root{--ground:#11171c;--card:#1a2229;--text:#e4eaef;--soft:#9fadb9;--line:#33404b;
--bar:#6fb1e0;--few:#4b5864;--mark:#f0a060;--stop:#ff8a80;--warn:#f2c063;--good:#7fd49b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:76rem;padding:1rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
a{color:inherit}p{margin:.4rem 0}.soft{color:var(--soft);font-size:.875rem}
.grid{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;min-width:0;break-inside:avoid}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}
th{font-weight:600;color:var(--soft)}
figure{margin:.75rem 0 0}figcaption{font-size:.8125rem;color:var(--soft);display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 .75rem}
.chart svg{display:block;width:100%;height:6rem;border-bottom:1px solid var(--line)}
.axis-name{font-size:.75rem;color:var(--soft);text-align:center;margin:0}
.curve{fill:none;stroke:var(--mark);stroke-width:2;vector-effect:non-scaling-stroke}
.bar{fill:var(--bar)}.few{fill:var(--few)}.mark{stroke:var(--mark);stroke-width:2;stroke-dasharray:4 3;vector-effect:non-scaling-stroke}
.axis{display:flex;justify-content:space-between;gap:.5rem;font-size:.75rem;color:var(--soft)}
.list ul{list-style:none;margin:.25rem 0 0;padding:0}
.list li{display:grid;grid-template-columns:minmax(0,1.4fr) minmax(3rem,1fr) auto;gap:.5rem;align-items:center;font-size:.8125rem;padding:.1rem 0}
.list .label{overflow-wrap:break-word}.list .amount{text-align:right;min-width:4rem;font-variant-numeric:tabular-nums}
.row{width:100%;height:.7rem;display:block}
.stop{color:var(--stop);font-weight:600}.warn{color:var(--warn);font-weight:600}.good{color:var(--good);font-weight:600}
ul.tests{padding-left:1.1rem;font-size:.9rem;overflow-wrap:anywhere}
ul.tests li{margin:.25rem 0}
.path{overflow-wrap:break-word;word-break:normal}
.verdict{border-left:.35rem solid var(--line)}.verdict.good-edge{border-color:var(--good)}.verdict.warn-edge{border-color:var(--warn)}.verdict.stop-edge{border-color:var(--stop)}
.verdict .word{font-size:1.35rem;font-weight:700}
dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:.5rem 0 0;font-size:.875rem}
dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:break-word}
nav.contents{display:flex;flex-wrap:wrap;gap:.25rem .75rem;font-size:.875rem;margin:.5rem 0}
.wide code{font-size:.8rem}
.search input{font:inherit;padding:.3rem .5rem;border:1px solid var(--line);border-radius:.35rem;background:var(--card);color:var(--text);max-width:100%}
[hidden]{display:none!important}
details>summary{cursor:pointer;color:var(--soft);font-size:.875rem}
@media (max-width:40rem){body{padding:.75rem}th,td{padding:.25rem .3rem}
.stack tr:first-child{display:none}.stack tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
.stack td{display:flex;justify-content:space-between;gap:1rem;border:0;padding:.1rem 0;text-align:right}
.stack td:first-child{font-weight:600;font-size:1rem}.stack td::before{content:attr(data-label);color:var(--soft);font-weight:400;font-size:.875rem}}
@media print{.search,nav.contents{display:none}details{display:block}:root{--ground:#fff;--card:#fff;--text:#000;--soft:#333;--line:#999;--bar:#444;--few:#ccc;--mark:#000;--stop:#000;--warn:#000;--good:#000}
body{max-width:none;padding:0;font-size:10pt}.grid{grid-template-columns:repeat(2,1fr)}
.bar,.few{-webkit-print-color-adjust:exact;print-color-adjust:exact}h2{break-after:avoid}}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }

    #[test]
    fn only_a_page_with_a_search_has_the_script() {
        assert!(!page("t", "<p>x</p>").contains("script"));
        let html = page("t", SEARCH);
        assert!(html.contains("script-src 'sha256-") && html.matches("<script>").count() == 1);
    }
}

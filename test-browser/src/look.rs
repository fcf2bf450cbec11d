use serde_json::Value;

use crate::Chromium;

/// Nothing stands beyond the right edge, and nothing that can be pressed on a phone is too small for a thumb.
const MEASURE: &str = "JSON.stringify({ \
    out: [...document.body.querySelectorAll('*')].filter(e => !e.matches('.skip, thead, thead *') \
        && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.tagName), \
    scroll: document.documentElement.scrollWidth, \
    small: [...document.querySelectorAll('main button, main input:not([type=hidden], [type=radio], [type=checkbox]), main select, .choices label')] \
        .filter(e => e.checkVisibility()).filter(e => e.getBoundingClientRect().height < 40).map(e => e.outerHTML), \
    nameless: [...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')] \
        .filter(e => !e.labels || e.labels.length === 0).map(e => e.outerHTML), \
    ground: getComputedStyle(document.documentElement).backgroundColor })";

/// Looks at the open page at 1280 and 390 pixels, and dark: everything is within the window, large enough for a thumb, named, and
/// follows the wish for dark. Keeps a picture of each where `PAGES_SHOWN` names a folder.
///
/// # Panics
/// When one of these does not hold.
pub fn looked_at(browser: &mut Chromium, name: &str) {
    for (width, dark) in [(1280, false), (390, false), (390, true)] {
        browser.size(width, 900, dark);
        let measured = browser.value(MEASURE);
        let measured: Value = serde_json::from_str(measured.as_str().unwrap()).unwrap();
        assert_eq!(
            measured["out"].as_array().unwrap().len(),
            0,
            "{name} at {width}: {}",
            measured["out"]
        );
        assert!(
            measured["scroll"].as_f64().unwrap() <= f64::from(width),
            "{name} at {width}"
        );
        assert_eq!(
            measured["nameless"].as_array().unwrap().len(),
            0,
            "{name}: {}",
            measured["nameless"]
        );
        if width == 390 {
            assert_eq!(
                measured["small"].as_array().unwrap().len(),
                0,
                "{name}: {}",
                measured["small"]
            );
        }
        assert_eq!(measured["ground"] == "rgb(255, 255, 255)", !dark, "{name}");
        browser.picture(&format!("{name}-{width}{}", if dark { "-dark" } else { "" }));
    }
    browser.size(1280, 900, false);
}

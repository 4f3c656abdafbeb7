//! Panics of a run, wherever in it they happen: a task's panic is otherwise easily lost.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Collects the panics of this thread from now on.
pub fn watch() {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let watched = SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.push(info.to_string())).is_some());
            if !watched {
                usual(info);
            }
        }));
    });
    SEEN.set(Some(Vec::new()));
}

/// The panics of this thread since [`watch`], which ends.
pub fn seen() -> Vec<String> {
    SEEN.take().unwrap_or_default()
}

//! Ids of calls: Gemini gives them to some and leaves the rest to be matched by name and order; every other dialect needs one.

use crate::gateway::dialect::crossing::Dialect;

/// The calls of a conversation so far, and which of them are not answered yet.
#[derive(Default, Debug)]
pub(super) struct Calls {
    ids: Vec<String>,
    open: Vec<(String, String)>,
}

impl Calls {
    /// The id of a call; where it has none, one that is the same whenever the conversation is sent again.
    pub(super) fn call(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.unwrap_or_else(|| {
            let mut at = self.ids.len();
            loop {
                let made = format!("call_{at}");
                if !self.ids.contains(&made) {
                    return made;
                }
                at += 1;
            }
        });
        self.ids.push(id.clone());
        self.open.push((id.clone(), name.to_owned()));
        id
    }

    /// The id of the call that a result answers: by id, otherwise the first of that name that is not answered.
    pub(super) fn answered(&mut self, id: Option<&str>, name: Option<&str>) -> Option<String> {
        let by_id = id.and_then(|id| self.open.iter().position(|(open, _)| open == id));
        let at = by_id
            .or_else(|| name.and_then(|name| self.open.iter().position(|(_, n)| n == name)))?;
        Some(self.open.remove(at).0)
    }
}

/// Ids for the calls of one answer.
#[derive(Default, Debug)]
pub(super) struct AnswerIds {
    prefix: Option<String>,
    made: usize,
}

impl AnswerIds {
    /// Takes the name of the answer, or, if it has none, a number made of its first bytes.
    pub(super) fn begin(&mut self, response: Option<&str>, bytes: &[u8]) {
        if self.prefix.is_none() {
            self.prefix = Some(match response {
                Some(id) if !id.is_empty() => id
                    .chars()
                    .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
                    .take(40)
                    .collect(),
                Some(_) | None => format!("{:08x}", crc32fast::hash(bytes)),
            });
        }
    }

    /// The id of the next call.
    pub(super) fn next(&mut self, given: Option<String>) -> String {
        let at = self.made;
        self.made += 1;
        given.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            let prefix = self.prefix.as_deref().unwrap_or(Dialect::Gemini.as_str());
            format!("call_{prefix}_{at}")
        })
    }

    /// Whether there were calls.
    pub(super) fn any(&self) -> bool {
        self.made > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_ids_answer_the_calls_of_their_name_in_order() {
        let mut calls = Calls::default();
        let a = calls.call(None, "f");
        let b = calls.call(None, "g");
        let c = calls.call(None, "f");
        assert_eq!(calls.answered(None, Some("f")), Some(a));
        assert_eq!(calls.answered(None, Some("f")), Some(c));
        assert_eq!(calls.answered(None, Some("f")), None);
        assert_eq!(calls.answered(None, Some("g")), Some(b));
    }

    #[test]
    fn an_id_goes_before_the_name_and_a_made_one_is_never_a_given_one() {
        let mut calls = Calls::default();
        calls.call(Some("call_1".to_owned()), "f");
        let made = calls.call(None, "f");
        assert_ne!(made, "call_1");
        assert_eq!(calls.answered(Some(&made), Some("f")), Some(made));
        assert_eq!(
            calls.answered(Some("unknown"), Some("f")).as_deref(),
            Some("call_1")
        );
    }

    #[test]
    fn ids_of_an_answer_carry_its_name() {
        let mut ids = AnswerIds::default();
        ids.begin(Some("Ab-9/x"), b"");
        assert_eq!(ids.next(None), "call_Ab-9x_0");
        assert_eq!(ids.next(Some("given".to_owned())), "given");
        assert_eq!(ids.next(None), "call_Ab-9x_2");
        let mut unnamed = AnswerIds::default();
        unnamed.begin(None, b"{}");
        assert_eq!(
            unnamed.next(None),
            format!("call_{:08x}_0", crc32fast::hash(b"{}"))
        );
    }
}

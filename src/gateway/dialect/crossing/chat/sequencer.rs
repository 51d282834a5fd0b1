//! Calls of tools whose pieces come mixed, brought into an order in which a call's pieces follow it.
//!
//! The pieces of the first call pass at once; those of a later one wait until the arguments before it are whole, which their
//! brackets tell. Calls one behind the other, as all but a few providers stream them, therefore never wait.

use crate::gateway::dialect::crossing::answer::Event;

/// A piece of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Piece {
    /// The place of the call among all, if told.
    pub(super) index: Option<u64>,
    /// The call's id; empty: not in this piece.
    pub(super) id: String,
    /// The tool; empty: not in this piece.
    pub(super) name: String,
    /// More of the arguments.
    pub(super) arguments: String,
}

/// The calls of an answer.
#[derive(Debug, Default)]
pub(super) struct Sequencer {
    calls: Vec<Building>,
    /// How many of them are told to the end.
    told: usize,
}

#[derive(Debug, Default)]
struct Building {
    index: Option<u64>,
    id: String,
    name: String,
    /// Arguments not told yet.
    held: String,
    begun: bool,
    brackets: Brackets,
}

impl Sequencer {
    /// Whether there was any call.
    pub(super) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a piece; `id` makes one for the call at a place, if it has none.
    pub(super) fn take(
        &mut self,
        piece: Piece,
        id: impl Fn(usize) -> String,
        out: &mut Vec<Event>,
    ) {
        let at = self.place(&piece).unwrap_or_else(|| {
            self.calls.push(Building {
                index: piece.index,
                id: match piece.id.as_str() {
                    "" => id(self.calls.len()),
                    given => given.to_owned(),
                },
                ..Building::default()
            });
            self.calls.len() - 1
        });
        if let Some(call) = self.calls.get_mut(at) {
            if call.name.is_empty() {
                call.name = piece.name;
            }
            call.brackets.read(&piece.arguments);
            call.held.push_str(&piece.arguments);
        }
        while let Some(call) = self.calls.get_mut(self.told) {
            call.tell(out);
            if !call.begun || !call.brackets.closed() || self.told + 1 == self.calls.len() {
                break;
            }
            self.told += 1;
        }
    }

    /// Nothing more comes: all that waits is told.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        for call in self.calls.iter_mut().skip(self.told) {
            call.tell(out);
        }
        self.told = self.calls.len();
    }

    /// The call that a piece belongs to; `None`: a new one. Ollama gives each call the index 0, others give each piece an
    /// id: a call is new if its index is, or if it comes with a name and an id of its own.
    fn place(&self, piece: &Piece) -> Option<usize> {
        let anew =
            |call: &Building| !piece.id.is_empty() && !piece.name.is_empty() && piece.id != call.id;
        match piece.index {
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.index == piece.index && !anew(call)),
            None => {
                let same = |call: &Building| !piece.id.is_empty() && call.id == piece.id;
                let last = || {
                    self.calls
                        .len()
                        .checked_sub(1)
                        .filter(|_| piece.name.is_empty())
                };
                self.calls.iter().rposition(same).or_else(last)
            }
        }
    }
}

impl Building {
    /// Tells what is known of the call and not told yet.
    fn tell(&mut self, out: &mut Vec<Event>) {
        if self.name.is_empty() {
            return;
        }
        if !self.begun {
            self.begun = true;
            out.push(Event::Call {
                id: self.id.clone(),
                name: self.name.clone(),
            });
        }
        if !self.held.is_empty() {
            out.push(Event::Arguments(std::mem::take(&mut self.held)));
        }
    }
}

/// How far a JSON object has come.
#[derive(Debug, Default)]
struct Brackets {
    open: u32,
    begun: bool,
    in_text: bool,
    escaped: bool,
}

impl Brackets {
    fn read(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => {
                    self.open = self.open.saturating_add(1);
                    self.begun = true;
                }
                b'}' | b']' => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn closed(&self) -> bool {
        self.begun && self.open == 0 && !self.in_text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(index: impl Into<Option<u64>>, id: &str, name: &str, arguments: &str) -> Piece {
        Piece {
            index: index.into(),
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    /// What comes out after each piece and at the end; a call as its name, arguments as they are.
    fn told(pieces: Vec<Piece>) -> Vec<String> {
        let (mut sequencer, mut steps) = (Sequencer::default(), Vec::new());
        let mut step = |events: Vec<Event>| {
            let words = events.into_iter().filter_map(|event| match event {
                Event::Call { id, name } => Some(format!("{name}#{id}")),
                Event::Arguments(text) => Some(text),
                Event::Start(_)
                | Event::Thinking(_)
                | Event::Sealed(_)
                | Event::Text { .. }
                | Event::Refusal(_)
                | Event::Usage(_)
                | Event::Finish(_)
                | Event::End
                | Event::Failed(_) => None,
            });
            steps.push(words.collect::<Vec<_>>().join(" "));
        };
        for piece in pieces {
            let mut out = Vec::new();
            sequencer.take(piece, |at| format!("made{at}"), &mut out);
            step(out);
        }
        let mut out = Vec::new();
        sequencer.finish(&mut out);
        step(out);
        steps
    }

    #[test]
    fn calls_one_behind_the_other_never_wait() {
        assert_eq!(
            told(vec![
                piece(0, "a", "f", ""),
                piece(0, "", "", "{\"x\":"),
                piece(0, "", "", "\"}\"}"),
                piece(1, "b", "g", "{}"),
            ]),
            ["f#a", "{\"x\":", "\"}\"}", "g#b {}", ""]
        );
    }

    #[test]
    fn a_later_call_waits_for_the_earlier_one() {
        assert_eq!(
            told(vec![
                piece(0, "a", "f", "{"),
                piece(1, "b", "g", "{\"y\":"),
                piece(0, "", "", "}"),
                piece(1, "", "", "1}"),
            ]),
            ["f#a {", "", "} g#b {\"y\":", "1}", ""]
        );
    }

    #[test]
    fn calls_are_known_by_index_or_by_id() {
        let ollama = vec![piece(0, "a", "f", "{}"), piece(0, "b", "f", "{}")];
        assert_eq!(told(ollama), ["f#a {}", "f#b {}", ""]);
        let without_index = vec![piece(None, "", "f", "{}"), piece(None, "", "f", "{}")];
        assert_eq!(told(without_index), ["f#made0 {}", "f#made1 {}", ""]);
        let id_in_each = vec![piece(0, "a", "f", "{"), piece(0, "z", "", "}")];
        assert_eq!(told(id_in_each), ["f#a {", "}", ""]);
    }

    #[test]
    fn a_call_without_arguments_holds_the_next_until_the_end() {
        assert_eq!(
            told(vec![piece(0, "a", "f", ""), piece(1, "b", "g", "{}")]),
            ["f#a", "", "g#b {}"]
        );
    }

    proptest! {
        #[test]
        fn any_mix_of_pieces_comes_out_in_order(
            cuts in prop::collection::vec(prop::collection::vec(1usize..6, 1..5), 1..4),
            turns in prop::collection::vec(0usize..4, 0..40),
        ) {
            let whole = |at: usize| format!("{{\"q\":\"}}{at}\\\"\",\"n\":[{at}]}}");
            let mut waiting: Vec<Vec<Piece>> = cuts
                .iter()
                .enumerate()
                .map(|(at, lengths)| {
                    let (text, mut rest) = (whole(at), 0);
                    let mut pieces = vec![piece(at as u64, &format!("{at}"), "f", "")];
                    for length in lengths.iter().cycle() {
                        if rest == text.len() {
                            break;
                        }
                        let end = (rest + length).min(text.len());
                        pieces.push(piece(at as u64, "", "", &text[rest..end]));
                        rest = end;
                    }
                    pieces.reverse();
                    pieces
                })
                .collect();
            let mut mixed: Vec<Piece> = waiting.iter_mut().map(|pieces| pieces.pop().unwrap()).collect();
            for turn in turns {
                let at = turn % waiting.len();
                mixed.extend(waiting[at].pop());
            }
            mixed.extend(waiting.into_iter().flat_map(|pieces| pieces.into_iter().rev()));
            let all = told(mixed).join(" ");
            let mut want = String::new();
            for at in 0..cuts.len() {
                want.push_str(&format!("f#{at}{}", whole(at)));
            }
            prop_assert_eq!(all.replace(' ', ""), want);
        }
    }
}

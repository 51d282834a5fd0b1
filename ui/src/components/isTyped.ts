// Whether a word that confirms was typed.

/** The middle dots of a masked key are on no keyboard: full stops will do. */
export const isTyped = (typed: string, word: string): boolean =>
  [word, word.replaceAll("·", ".")].includes(typed.trim());

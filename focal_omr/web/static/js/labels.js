// Symbols and counts in words.

export const plural = (count, word, many = `${word}s`) => `${count} ${count === 1 ? word : many}`;
export const staves = count => plural(count, "staff", "staves");

export const percent = confidence => `${(100 * confidence).toFixed(confidence > 0.99 && confidence < 1 ? 1 : 0)} %`;

export const addsUp = value => ({ true: "adds up", false: "does not add up" })[value] ?? "cannot be checked";

/** A symbol for screen readers: "C5 quarter, bar 3, 72 % confident, doubtful". */
export function describe(symbol) {
  const words = [symbol.name, `bar ${symbol.bar}`];
  if (symbol.mended) words.push("edited");
  else words.push(`${percent(symbol.confidence)} confident`);
  if (symbol.doubtful) words.push("doubtful");
  if (!symbol.used) words.push("left out of the score");
  if (symbol.adds_up === false) words.push("the bar does not add up");
  return words.join(", ");
}

const KINDS = [
  [/^(note|gracenote)-/, "note"], [/^rest-/, "rest"], [/^multirest/, "rest"], [/^barline/, "barline"],
  [/^clef-/, "clef"], [/^keySignature/, "key"], [/^timeSignature/, "meter"], [/^tie$/, "tie"],
];

/** The kind of symbol of a token. */
export const kindOf = token => KINDS.find(([pattern]) => pattern.test(token))?.[1] ?? "other";

/** The number of augmentation dots of a token. */
export const dotsOf = token => /\.*$/.exec(token.replace(/_?fermata$/, ""))[0].length;

// How symbols and counts are said in words.

export const many = (count, word, plural = `${word}s`) => `${count} ${count === 1 ? word : plural}`;
export const staves = count => many(count, "staff", "staves");

export const percent = confidence => `${(100 * confidence).toFixed(confidence > 0.99 && confidence < 1 ? 1 : 0)} %`;

export const addsUp = value => ({ true: "adds up", false: "does not add up" })[value] ?? "cannot be checked";

/** "C5 quarter, bar 3, 72 % sure, doubtful": what a screen reader says of a symbol. */
export function spoken(symbol) {
  const words = [symbol.name, `bar ${symbol.bar}`];
  if (symbol.mended) words.push("mended");
  else words.push(`${percent(symbol.confidence)} sure`);
  if (symbol.doubtful) words.push("doubtful");
  if (!symbol.used) words.push("left out of the score");
  if (symbol.adds_up === false) words.push("the bar does not add up");
  return words.join(", ");
}

const KINDS = [
  [/^(note|gracenote)-/, "note"], [/^rest-/, "rest"], [/^multirest/, "rest"], [/^barline/, "barline"],
  [/^clef-/, "clef"], [/^keySignature/, "key"], [/^timeSignature/, "meter"], [/^tie$/, "tie"],
];

/** What sort of symbol a token stands for, to show the buttons that belong to it. */
export const kindOf = token => KINDS.find(([pattern]) => pattern.test(token))?.[1] ?? "other";

/** How many dots a token ends with. */
export const dotsOf = token => /\.*$/.exec(token.replace(/_?fermata$/, ""))[0].length;

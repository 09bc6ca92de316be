// Built from strings, because a literal with control characters is usually a mistake.
const esc = '\\u001b';
const sequences = new RegExp(
  [
    `${esc}\\[[0-?]*[ -/]*[@-~]`, // colours, cursor moves
    `${esc}\\][^\\u0007\\u001b]*(?:\\u0007|${esc}\\\\)?`, // titles, links
    `${esc}[PX^_][^\\u001b]*(?:${esc}\\\\)?`,
    `${esc}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);
const controls = /[\p{Cc}--[\n\t]]/gv;

/** Approximates the terminal's display: without colours, and with only the last state of an overwritten line. */
export function plainText(text) {
  const lines = text.replace(sequences, '').replace(/\r+\n/g, '\n').split('\n');
  return lines.map((line) => line.replace(/\r+$/, '').replace(/^.*\r/s, '').replace(controls, '')).join('\n');
}

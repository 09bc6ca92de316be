// Written as text, since a literal with control characters in it is more often a mistake.
const esc = '\\u001b';
const sequences = new RegExp(
  [
    `${esc}\\[[0-?]*[ -/]*[@-~]`, // colours, cursor
    `${esc}\\][^\\u0007\\u001b]*(?:\\u0007|${esc}\\\\)?`, // titles, links
    `${esc}[PX^_][^\\u001b]*(?:${esc}\\\\)?`,
    `${esc}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);
const controls = /[\p{Cc}--[\n\t]]/gv;

/** What a terminal would show, near enough: no colours, and of a line that was written over its last state. */
export function plainText(text) {
  const lines = text.replace(sequences, '').replace(/\r+\n/g, '\n').split('\n');
  return lines.map((line) => line.replace(/\r+$/, '').replace(/^.*\r/s, '').replace(controls, '')).join('\n');
}

/** Some replies have no `<think>` before `</think>`. Ignores tags in code or in a sentence. */
export function splitThoughts(reply: string): { readonly thoughts: string; readonly text: string } {
  const opener = reply.indexOf('<think');
  for (const { 0: tag, index } of reply.matchAll(/<\/think(?:ing)?>/g)) {
    if (opener >= 0 && opener < index) break;
    const end = index + tag.length;
    if (isMentioned(reply.slice(Math.max(0, index - nearby), index), reply.slice(end, end + nearby))) continue;
    return { thoughts: reply.slice(0, index), text: reply.slice(end).trimStart() };
  }
  return { thoughts: '', text: reply };
}

const nearby = 100; // characters

function isMentioned(before: string, after: string): boolean {
  if (/[`'"(]$/.test(before)) return true;
  const isInLine = before.endsWith(' ') && before.slice(before.lastIndexOf('\n') + 1).trim() !== '';
  return isInLine && (after.split('\n', 1)[0] ?? '').trim() !== '';
}

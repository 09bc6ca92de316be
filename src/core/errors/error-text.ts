import { truncateEnd } from '../text/text.ts';

const maxChars = 600;
const wordsOfErrors = [
  'message',
  'error',
  'detail',
  'details',
  'error_message',
  'msg',
  'reason',
  'title',
  'description',
  'errors',
];

export function readErrorText(body: unknown, depth = 0): string {
  if (typeof body === 'string') return truncateEnd(plain(body), maxChars);
  if (typeof body !== 'object' || body === null || depth > 6) return '';
  if (Array.isArray(body)) {
    const all = body.slice(0, 5).map((one) => readErrorText(one, depth + 1));
    return truncateEnd(all.filter((one) => one !== '').join('; '), maxChars);
  }
  for (const word of wordsOfErrors) {
    const text = Object.hasOwn(body, word) ? readErrorText((body as Record<string, unknown>)[word], depth + 1) : '';
    if (text !== '') return text;
  }
  return depth === 0 ? '' : truncateEnd(JSON.stringify(body), maxChars);
}

/**
 * Extracts the text from HTML. Uses no regular expressions for tags, because untrusted input could make them very slow.
 */
function plain(value: string): string {
  const text = value.slice(0, 65_536);
  if (!text.trimStart().startsWith('<')) return text.trim();
  const lower = text.toLowerCase();
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('<', at);
    parts.push(text.slice(at, open < 0 ? text.length : open));
    if (open < 0) break;
    const name = lower.slice(open + 1, open + 7);
    const hidden = name.startsWith('style') ? '</style' : name.startsWith('script') ? '</script' : '';
    const from = hidden === '' ? open : lower.indexOf(hidden, open);
    const close = from < 0 ? -1 : text.indexOf('>', from);
    if (close < 0) break;
    at = close + 1;
  }
  const words = parts
    .join(' ')
    .split(/\s+/)
    .filter((one) => one !== '');
  return words.filter((one, at) => one !== words[at - 1]).join(' ');
}

import { Tokenizer, type Tokens } from 'marked';

// Under CommonMark's rules, `**注意：**必ず` would show its asterisks. The CJK-friendly amendments allow emphasis next to
// CJK characters.

/** Includes other scripts without spaces between words. The last two ranges are variation selectors. */
const cjk =
  /[\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\u20a9\u2e80-\u2fff\u3001-\u303e\u3040-\u4dbf\u4e00-\ua4cf\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uffee\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3ffff}]|[\ufe00-\ufe02\u{e0100}-\u{e01ef}]/u;
const punctuation = /(?![*_~])[\p{P}\p{S}]/u;
/** Characters that end an address: punctuation of CJK and other scripts, and quotation marks. */
const endsAddress =
  /[،؛؟۔՝։׃।॥။၊។៕།።፣\u200b\u200e\u200f\u3000-\u303f\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65“”‘’…]/;
/** A host name with CJK letters directly after its last ASCII label. */
const hostBeforeCjk = /^(?:[a-z]+:\/\/|www\.)[a-z0-9.-]*[a-z0-9](?=[^\0-\x7f])/i;

const before = (text: string, at: number) => [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? '';
const after = (text: string, at: number) => [...text.slice(at, at + 2)][0] ?? '';

/** marked's `emStrongMask` hook. Replaces punctuation that would block emphasis with letters, keeping the length. */
export function maskCjkPunctuation(masked: string): string {
  if (!cjk.test(masked)) return masked;
  const units = masked.split('');
  for (const { 0: run, index } of masked.matchAll(/\*+|~+/g)) {
    const end = index + run.length;
    const [left, right] = [before(masked, index), after(masked, end)];
    if (!cjk.test(left) && !cjk.test(right)) continue;
    if (punctuation.test(left)) units.fill('a', index - left.length, index);
    if (punctuation.test(right)) units.fill('a', end, end + right.length);
  }
  return units.join('');
}

export class CjkTokenizer extends Tokenizer {
  override emStrong(src: string, masked: string, previous = ''): Tokens.Em | Tokens.Strong | undefined {
    return super.emStrong(src, masked, src[0] === '*' ? unblocked(src, masked, previous) : previous);
  }

  override del(src: string, masked: string, previous = ''): Tokens.Del | undefined {
    return super.del(src, masked, unblocked(src, masked, previous));
  }

  override url(src: string): Tokens.Link | undefined {
    const host = hostBeforeCjk.exec(src)?.[0];
    const end = src.search(endsAddress);
    return super.url(host ?? (end < 0 ? src : src.slice(0, end)));
  }
}

/** Character before a delimiter run. Empty if the run is next to a CJK character. */
function unblocked(src: string, masked: string, previous: string): string {
  const run = /^(?:\*+|~+)/.exec(src)?.[0] ?? '';
  const start = masked.length - src.length;
  return [previous, before(masked, start), after(src, run.length)].some((character) => cjk.test(character))
    ? ''
    : previous;
}

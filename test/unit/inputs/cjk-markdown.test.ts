import { expect, test } from 'vitest';
import { type MarkdownTree, parseMarkdown } from '../../../src/web/parsing/markdown.ts';

// Markdown next to Chinese, Japanese and Korean. Most lines are test cases of markdown-cjk-friendly (MIT).

const tags = { strong: 'b', em: 'i', del: 's', link: 'a' } as const;
/** The tree as text, with short tags. */
const drawn = (tree: MarkdownTree): string =>
  tree
    .map((node) => {
      if (typeof node === 'string') return node;
      if (node.kind === 'paragraph') return drawn(node.inner);
      if (node.kind === 'codespan') return node.code;
      const tag = tags[node.kind as keyof typeof tags];
      return tag && 'inner' in node ? `<${tag}>${drawn(node.inner)}</${tag}>` : JSON.stringify(node);
    })
    .join('');

test.each([
  ['これは**「重要」**です。', 'これは<b>「重要」</b>です。'],
  ['**注意:**必ず', '<b>注意:</b>必ず'],
  ['**"중요"**입니다', '<b>"중요"</b>입니다'],
  ['**真（**她', '<b>真（</b>她'],
  ['真**【她**', '真<b>【她</b>'],
  ['**真”**她', '<b>真”</b>她'],
  ['**真—**她', '<b>真—</b>她'],
  ['**C#**や**F#**は**「.NET」**という', '<b>C#</b>や<b>F#</b>は<b>「.NET」</b>という'],
  [
    '**[製品ほげ](./product-foo)**と**[製品ふが](./product-bar)**を',
    '<b><a>製品ほげ</a></b>と<b><a>製品ふが</a></b>を',
  ],
  ['先頭の**`コード`も注意。**', '先頭の<b>コードも注意。</b>'],
  ['패키지를 발행하려면 **`npm publish`**를', '패키지를 발행하려면 <b>npm publish</b>를'],
  ['**스크립트(script)**라고', '<b>스크립트(script)</b>라고'],
  ['税込**¥10,000**で', '税込<b>¥10,000</b>で'],
  ['Go**「初心者」**を', 'Go<b>「初心者」</b>を'],
  ['𠮟**(こちらが正式表記)**', '𠮟<b>(こちらが正式表記)</b>'],
  ['葛󠄀**(こちらが正式表記)**城市', '葛󠄀<b>(こちらが正式表記)</b>城市'],
  ['大塚︀**(U+585A U+FE00)**大塚**(U+FA10)**', '大塚︀<b>(U+585A U+FE00)</b>大塚<b>(U+FA10)</b>'],
  ['a**㊙**a', 'a<b>㊙</b>a'],
  ['*この文（補足）。*この文', '<i>この文（補足）。</i>この文'],
  ['***「强调」***的', '<i><b>「强调」</b></i>的'],
  ['**外「*内。*」**の', '<b>外「<i>内。</i>」</b>の'],
  ['~~旧方法（已废弃）。~~这个', '<s>旧方法（已废弃）。</s>这个'],
  ['a~~a()~~あ', 'a<s>a()</s>あ'],
  ['𩸽~~()a~~a', '𩸽<s>()a</s>a'],
  ['__注意__：注意事項', '<b>注意</b>：注意事項'],
  ['ทดสอบ**"ก"**ไทย', 'ทดสอบ<b>"ก"</b>ไทย'],
  ['ສະບາຍດີ**(ກ)**ລາວ', 'ສະບາຍດີ<b>(ກ)</b>ລາວ'],
  ['ខ្មែរ**«ក»**ខ្មែរ', 'ខ្មែរ<b>«ក»</b>ខ្មែរ'],
  ['မြန်မာ**(က)**စာ', 'မြန်မာ<b>(က)</b>စာ'],
  // not emphasis, as before
  ['2 * 3 * 4', '2 * 3 * 4'],
  ['a**"b"**c', 'a**"b"**c'],
  ['**真，** 她', '<b>真，</b> 她'],
  ['注意 ** 必ず ** です', '注意 ** 必ず ** です'],
  ['変数_名前_です', '変数_名前_です'],
  ['`**「a」**`です', '**「a」**です'],
])('%s', (text, expected) => expect(drawn(parseMarkdown(text))).toBe(expected));

test.each([
  ['请看https://example.com/a。谢谢', 'https://example.com/a'],
  ['（https://example.com/a?b=c#d）を見て', 'https://example.com/a?b=c#d'],
  ['「https://example.com/」です', 'https://example.com/'],
  ['请看https://example.com，谢谢', 'https://example.com'],
  ['请看https://example.com谢谢', 'https://example.com'],
  ['见“https://example.com/a”。', 'https://example.com/a'],
  ['https://ja.wikipedia.org/wiki/日本、など', 'https://ja.wikipedia.org/wiki/日本'],
  ['https://例え.テスト', undefined],
  ['https://example.com/a.', 'https://example.com/a'],
  ['انظر https://example.com/a، ثم', 'https://example.com/a'],
  ['ما https://example.com/a؟', 'https://example.com/a'],
  ['देखें https://example.com/a।', 'https://example.com/a'],
  ['መጣ https://example.com/a።', 'https://example.com/a'],
  ['https://example.com/a\u200b次', 'https://example.com/a'],
  ['https://fa.wikipedia.org/wiki/ایران؛', 'https://fa.wikipedia.org/wiki/ایران'],
])('%s links %s', (text, href) => {
  const [paragraph] = parseMarkdown(text) as readonly { readonly inner: MarkdownTree }[];
  const links = paragraph?.inner.flatMap((node) =>
    typeof node !== 'string' && node.kind === 'link' ? [node.href] : [],
  );
  expect(links).toEqual(href === undefined ? [] : [href]);
});

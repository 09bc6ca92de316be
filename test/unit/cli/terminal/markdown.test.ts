import { expect, test } from 'vitest';
import { coloured, markdownText, plain } from '../../../../src/cli/terminal/markdown.ts';

test.each([
  ['a heading', '# One', 'One'],
  ['a list', '- one\n- two\n  1. three', '• one\n• two\n  1. three'],
  ['tasks', '- [x] done\n- [ ] open', '• ☑ done\n• ☐ open'],
  ['code', '```js\na < b\n```', '  a < b'],
  ['a link', '[here](https://a.test)', 'here (https://a.test)'],
  ['a quote', '> one\n> two', '│ one\n│ two'],
  ['a table', '| a | b |\n| --- | --- |\n| 10 | 2 |', 'a  │ b\n───┼──\n10 │ 2'],
  ['half of a block of code, while it comes', '```sh\necho', '  echo'],
])('%s is shown as text', (_, markdown, text) => expect(markdownText(markdown, plain)).toBe(text));

test('words are styled, and an escape sequence of the agent is gone', () => {
  const text = markdownText('**bold** \u001b[2J`code`', coloured);
  expect(text).toBe('\u001b[1mbold\u001b[22m \u001b[36mcode\u001b[39m');
});

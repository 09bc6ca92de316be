import fc from 'fast-check';
import type { Append } from '../../../src/core/contracts/ports.ts';
import { randomIds } from '../../../src/core/model/ids.ts';

// Texts of an agent that wants to break the page which shows them. The same seed makes the same texts.

type Fact = Append['facts'][number];
const ids = randomIds();

const repeated = (pieces: fc.Arbitrary<string>, most: number) =>
  fc.tuple(pieces, fc.integer({ min: 1, max: most })).map(([piece, times]) => piece.repeat(times).slice(0, 200_000));
const anyText = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }), // with control characters, halves of pairs and directions
  fc.constantFrom('constructor', '__proto__', 'toString', '\u202e', '\ud800', '%zz', 'a\u0301'.repeat(50), '\0', '\r'),
);

const markup = fc.constantFrom(
  ...[
    '*',
    '_',
    '**',
    '~~',
    '`',
    '```',
    '```ts\n',
    '[',
    '](',
    ')',
    '![',
    '<',
    '<!--',
    '&amp;',
    '&#x110000;',
    '|',
    '|-',
    '\n',
  ],
  ...[
    '\n\n',
    '> ',
    '- ',
    '  - ',
    '1. ',
    '# ',
    '---\n',
    '\\',
    '[x] ',
    '[a]: b\n',
    'http://',
    'www.',
    'a.',
    '@',
    ' ',
    '\t',
    '$',
  ],
  ...['*a_b', '![a](b%zz.png)', '[a](javascript:alert(1))', '<script>', '|a|b|\n|-|-|\n', '\u202e', '\ud83d', 'a\r'],
);
const markdown = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.oneof(markup, anyText), { maxLength: 60 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: repeated(markup, 60_000) },
  {
    weight: 1,
    arbitrary: repeated(
      fc.tuple(markup, markup).map((two) => two.join('')),
      30_000,
    ),
  },
);

const code = fc.oneof(
  fc.array(fc.oneof(fc.integer({ min: -1, max: 300 }).map(String), fc.constantFrom('', ';', ':', '38;5', '48;2;1')), {
    maxLength: 8,
  }),
);
const sequence = fc.oneof(
  code.map((codes) => `\u001b[${codes.join(';')}m`),
  fc.constantFrom(
    '\u001b[2K',
    '\u001b]0;',
    '\u0007',
    '\u001b',
    '\u001b[',
    '\u001bP',
    '\r',
    '\r\n',
    '\n',
    '\b',
    '\u009b',
  ),
);
const ansi = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.oneof(sequence, anyText), { maxLength: 60 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: repeated(sequence, 40_000) },
);

export const hostileCsv: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom('"', '""', ',', '\n', '\r\n', '\ufeff'), anyText), { maxLength: 200 })
    .map((parts) => parts.join('')),
  repeated(fc.constantFrom(',', 'a,', '"a",', 'a\n', '"', 'a,b\n'), 100_000),
);

export const hostileName: fc.Arbitrary<string> = anyText
  .map((name) => name.replace(/[/\0]/g, '').slice(0, 40))
  .filter((name) => name !== '' && name !== '.' && name !== '..' && name.isWellFormed());

export const hostileTitle: fc.Arbitrary<string> = fc.oneof(anyText, markdown);

const deep = fc.integer({ min: 1, max: 40 }).map((depth) => {
  let value: unknown = 'x';
  for (let n = 0; n < depth; n++) value = n % 2 ? [value] : { constructor: value };
  return value;
});
const content = fc.oneof(
  ansi.map((output) => ({ console: [{ ps1: '', command: output.slice(0, 100), output }] })),
  fc.tuple(markdown, fc.option(markdown)).map(([text, oldContent]) => ({ content: text, oldContent })),
  fc.tuple(anyText, anyText, markdown).map(([title, link, snippet]) => ({
    results: [
      { title, link, snippet },
      { title, link, snippet },
    ],
  })),
  deep.map((result) => ({ result })),
  fc.constantFrom(null, { screenshot: 'http://[' }),
);
const call = fc.record({
  name: fc.oneof(anyText, fc.constantFrom('shell_exec', 'file_write', 'file_read', 'constructor')),
  tool: fc.constantFrom('shell', 'file', 'search', 'constructor', 'browser'),
  args: fc.record({ command: fc.oneof(ansi, deep), file: anyText }, { requiredKeys: [] }),
  output: ansi,
  content,
  success: fc.boolean(),
});

export const hostileItem: fc.Arbitrary<readonly Fact[]> = fc.oneof(
  markdown.map((text): Fact[] => [
    { type: 'message.assistant', runId: null, data: { messageId: ids.messageId(), text, attachments: [] } },
  ]),
  markdown.map((text): Fact[] => [
    { type: 'message.user', runId: null, data: { messageId: ids.messageId(), text, attachments: [text.slice(0, 50)] } },
  ]),
  call.map(({ name, tool, args, output, content: made, success }): Fact[] => {
    const report = { callId: ids.messageId(), tool, function: name, args };
    return [
      { type: 'tool.calling', runId: null, data: report },
      { type: 'tool.output', runId: null, data: { callId: report.callId, text: output } },
      { type: 'tool.called', runId: null, data: { ...report, success, output, content: made } },
    ];
  }),
);

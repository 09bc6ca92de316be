import { describe, expect, test } from 'vitest';
import { parseDemoBlocks, parseDemoSteps } from '../../../../src/agents/models/demo/blocks.ts';
import { readTaskTitle } from '../../../../src/agents/models/demo/texts.ts';

const lines = (...all: string[]) => all.join('\n');
const blocksOf = (message: string) => parseDemoBlocks(message).blocks;

describe('a fence', () => {
  test('is three backticks and a word, and ends at three backticks', () =>
    expect(parseDemoBlocks(lines('Say hi', '```sh', 'echo hi', '```', 'bye'))).toEqual({
      blocks: [{ word: 'sh', text: 'echo hi' }],
      text: ['Say hi', 'bye'],
    }));

  test.each(['````sh', ' ```sh', '``` sh', '```sh ', '```', '``sh', '```sh -e', 'x```sh'])(
    'is not the line %j',
    (line) => {
      expect(blocksOf(lines(line, 'echo hi'))).toEqual([]);
      expect(parseDemoBlocks(lines(line, 'echo hi')).text).toEqual([line, 'echo hi']);
    },
  );

  test.each(['````', '``` ', ' ```', '```sh', '``'])('is not closed by the line %j', (line) =>
    expect(blocksOf(lines('```sh', line, '```'))).toEqual([{ word: 'sh', text: line }]),
  );

  test('without an end is text, and so are the lines after it', () => {
    const message = lines('```sh', 'echo a', '```', '```sh', 'echo b');
    expect(parseDemoBlocks(message)).toEqual({ blocks: [{ word: 'sh', text: 'echo a' }], text: ['```sh', 'echo b'] });
  });
});

describe('the text of a block', () => {
  test.each([
    ['has no last line end', '```sh\na\nb\n```', 'a\nb'],
    ['has one when its last line is empty', '```sh\na\n\n```', 'a\n'],
    ['is empty when there is no line', '```sh\n```', ''],
    ['keeps spaces and tabs', '```sh\n\t a  \n```', '\t a  '],
    ['is joined by LF whatever the message uses', '```sh\r\na\r\nb\r\n```', 'a\nb'],
  ])('%s', (_, message, text) => expect(blocksOf(message)).toEqual([{ word: 'sh', text }]));
});

describe('the units of a message', () => {
  test.each(['sh', 'bash', 'shell'])('%s is a command', (word) =>
    expect(parseDemoSteps(lines(`\`\`\`${word}`, 'ls', '```'))).toEqual([{ kind: 'sh', command: 'ls' }]),
  );

  test('each line of a browse block is an address', () =>
    expect(parseDemoSteps(lines('```browse', 'http://a', '', ' http://b ', '```'))).toEqual([
      { kind: 'browse', urls: ['http://a', 'http://b'] },
    ]));

  test.each(['python', 'SH', 'file:', 'shh'])('a block of %s is text, and nothing in it is run', (word) => {
    const message = lines(`\`\`\`${word}`, '```sh', 'rm -rf x', '```');
    expect(parseDemoSteps(message)).toEqual([
      { kind: 'file', path: 'corral-demo.md', content: message },
      { kind: 'sh', command: 'cat corral-demo.md' },
    ]);
  });
});

test.each([
  ['Say hi\n```sh\necho\n```', 'Say hi'],
  ['```sh\necho\n```\nthen this', 'then this'],
  ['\n  \n  Hello  \nyou', 'Hello'],
  ['```sh\necho\n```', 'echo'],
  ['```sh\n\necho\n```\n```file:a.txt\nx\n```', 'echo'],
  ['```file:index.html\n<!doctype html>\n```\n', 'Write index.html'],
  ['```file:a.txt\nx\n```\nShow it', 'Show it'],
  ['```sh\n```', 'Demo task'],
  ['x'.repeat(60), 'x'.repeat(60)],
  ['x'.repeat(61), `${'x'.repeat(59)}…`],
  [`${'x'.repeat(58)}😀😀`, `${'x'.repeat(58)}…`],
  [`${'word '.repeat(12)}end`, `${'word '.repeat(11).trimEnd()}…`],
])('the title of %j is %j', (message, title) => expect(readTaskTitle(message, 'en')).toBe(title));

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { parseVerdict } from '../../../machines/run-rules.ts';
import { toRipgrepPattern } from '../../../sandbox-images/sandboxd/files/search.ts';
import { toMarkdown } from '../../../src/agents/browser/markdown.ts';
import { createOpenaiCompatibleFetch } from '../../../src/agents/models/aisdk/compatible-fetch.ts';
import { TextToolCallFinder } from '../../../src/agents/models/aisdk/written-calls.ts';
import { createPageTextThread } from '../../../src/agents/page-fetch/page-text.ts';
import { fileEdit } from '../../../src/agents/tools/file-edit.ts';
import { extractAuthoredText } from '../../../src/automations/hooks/own-text.ts';
import { parseYaml } from '../../../src/config/yaml-file.ts';
import { parseComposeServices } from '../../../src/core/model/services/compose-file.ts';
import { parseSafePath } from '../../../src/core/text/file-names.ts';
import { compileGlob } from '../../../src/core/text/glob.ts';
import { parseServerSentEvents } from '../../../src/core/text/server-sent-events.ts';
import { ScreenText } from '../../../src/core/text/terminal/screen-text.ts';
import { formatToolCall } from '../../../src/facades/shared/conversation/tool-names.ts';
import { createScrubber } from '../../../src/observability/scrub.ts';
import { parsePolicyEntry } from '../../../src/sandboxes/egress/policy.ts';
import { parseDockerfile } from '../../../src/sessions/builds/dockerfile.ts';
import { formatNotes } from '../../../src/sessions/memory/agent-memory.ts';
import { findGitFolder, streamBareRepository } from '../../../src/sessions/repositories/repository-folders.ts';
import { sanitizePromptFile } from '../../../src/sessions/run/prompt/memory.ts';
import { parseSkill } from '../../../src/sessions/run/skills/parse-skill.ts';
import { toolBench } from '../../support/agents/tools.ts';

// Untrusted texts that took a parser quadratic time or more. Each must end: the suite's own limit catches one that does
// not.

const much = 300_000;
const spaces = ' '.repeat(much);
const many = (part: (n: number) => string, count: number) => Array.from({ length: count }, (_, n) => part(n)).join('');
const failure = (work: () => unknown): string => {
  try {
    work();
    return '';
  } catch (thrown) {
    return (thrown as Error).message;
  }
};
const healthOf = (interval: string) => () =>
  parseComposeServices({ services: { a: { image: 'a', healthcheck: { test: 'true', interval } } } });
const containing = (text: string) => expect.stringContaining(text);
const dockerfile = (text: string) => failure(() => parseDockerfile(`FROM a\n${text}`));
const skill = (fields: string) => parseSkill(`---\nname: a\ndescription: b\n${fields}\n---\nText.\n`);

test.each<[string, string, RegExp]>([
  ['keys', many((n) => `k${n}: 1\n`, 12_000), /more than 10,000 tokens/],
  ['keys in braces', `{${many((n) => `k${n}: 1,`, 6_000)}}`, /more than 10,000 tokens/],
  ['mistakes', '}'.repeat(100_000), /more than 10,000 tokens/],
  ['tags', '!a '.repeat(40_000), /more than 10,000 tokens/],
  ['anchors', '&a '.repeat(40_000), /more than 10,000 tokens/],
  ['brackets', '['.repeat(5_000), /more than 50 levels/],
  ['lists in lists', '- '.repeat(4_000), /more than 50 levels/],
  ['keys in keys', '? '.repeat(4_000), /more than 50 levels/],
  ['indents', many((n) => `${' '.repeat(n)}a:\n`, 200), /more than 50 levels/],
  ['an alias', 'a: &a [1]\nb: *a', /an alias/],
  ['bytes', `a: ${'é'.repeat(70_000)}`, /larger than 128 KiB/],
  ['a key twice', 'a: 1\nb: {c: 1, c: 2}', /the key c twice/],
])('YAML with too much of one thing is refused before it is parsed: %s', (_, text, why) =>
  expect(failure(() => parseYaml(text))).toMatch(why),
);

test('YAML within its limits is read, also with 1,400 keys', () => {
  const text = many((n) => `k${n}: ${n}\n`, 1_400);
  expect(Object.keys(parseYaml(text) as object)).toHaveLength(1_400);
  expect(parseYaml('a:\n  - b: [1, {c: "d"}]\n    e: |\n      x\n\n      y\n')).toEqual({
    a: [{ b: [1, { c: 'd' }], e: 'x\n\ny\n' }],
  });
});

test.each<[string, () => unknown, unknown]>([
  [
    'SKILL.md with 12,000 fields',
    () => skill(many((n) => `k${n}: 1\n`, 12_000)).problems[0],
    expect.stringMatching(/larger|more than/),
  ],
  ['SKILL.md with 12,000 keys in one', () => skill(`x: {${many((n) => `k${n}: 1,`, 5_000)}`).skill?.name, 'a'],
  ['SKILL.md with a long blank field', () => skill(`license: x${' '.repeat(60_000)}y: z`).skill?.name, 'a'],
  ['SKILL.md with empty lines', () => skill('\n'.repeat(60_000)).skill?.name, 'a'],
  ['SKILL.md with a long list of tools', () => skill(`allowed-tools: ${'(a '.repeat(20_000)}`).skill?.name, 'a'],
  ['<pre> of a page', () => toMarkdown([{ tag: 'pre', inner: [`x${spaces}y`] }]).length, much + 10],
  ['<b> of a page', () => toMarkdown([{ tag: 'b', inner: [`x${'\n'.repeat(much)}y`] }]), '**x y**'],
  [
    'breaks of a page',
    () => toMarkdown([`a${'\u00a0'.repeat(much)}`, { tag: 'br', inner: [] }, 'b']).endsWith('b'),
    true,
  ],
  ['an answer to an approval', () => parseVerdict(`yes${spaces}!${spaces}x`).decision, 'rejected'],
  ['a yes with much around it', () => parseVerdict(`${spaces}yes${spaces}!${spaces}`).decision, 'approved'],
  ['# escape=x of a Dockerfile', () => parseDockerfile(`# escape=x${spaces}y\nFROM a\nRUN b`).steps.length, 3],
  ['continued lines of a Dockerfile', () => dockerfile(`RUN ${'a\\\n'.repeat(60_000)}b`), ''],
  ['one word of a Dockerfile', () => dockerfile('a'.repeat(much)), containing('no instruction')],
  ['a duration of a compose file', () => failure(healthOf('1'.repeat(60_000))), containing('not a duration')],
  ['a note', async () => await formatNotes(notes(`<${' '.repeat(15_000)}x`)), containing('<notes>')],
  ['a memory file', () => sanitizePromptFile(Buffer.from(`<${spaces}x`), 2 * much)?.length, much + 2],
  [
    'a cut memory file',
    () => sanitizePromptFile(Buffer.from(`${'\ufffd'.repeat(much)}x${'y'.repeat(9)}`), 3 * much + 1),
    containing('left out here'),
  ],
  ['a line of a tool', () => formatToolCall({ name: 'run', arguments: { cmd: `a${spaces}b` } }).length, 205],
  ['a name of a file', () => parseSafePath(`${' '.repeat(255)}`)?.portable, '_'.repeat(255)],
  ['a glob', () => compileGlob(`a${'['.repeat(4_000)}`)('b'), false],
  ['a long glob', () => failure(() => compileGlob('{a}'.repeat(100_000))), containing('4096')],
  ['a row that is erased often', () => screen('x'.repeat(60_000) + '\u001b[1K'.repeat(200_000)).length, 60_000],
  ['a far column', () => screen(`${'\u001b[1000C'.repeat(150_000)}x`).length, 251],
  ['rows below a far column', () => screen(`${'x'.repeat(60_000)}${'\u001b[Bx'.repeat(20_000)}`).length > 0, true],
  ['a form of a call that never ends', () => written('<tool_call>', 'abcd', 250_000).length, 1_000_011],
  ['blanks before a reply', () => written('', ' ', 300_000).length, 300_000],
  ['calls without content', () => written('<tool_call></tool_call>'.repeat(20_000), '', 1).length, 460_000],
  ['a line of a model that never ends', () => replied('data: "', 'x'.repeat(1_000), 20_000), 'cannot be read'],
  ['a frame that never ends', () => framed('x'.repeat(1_000), 40_000), 'RangeError'],
  ['a patch that nearly fits everywhere', () => patched(1, 500_000, 3_000), containing('shorter hunks')],
  ['a patch of many hunks', () => patched(30_000, 100_000, 1), containing('too many hunks')],
  ['an entry of the egress policy', () => parsePolicyEntry(':'.repeat(much))?.port, undefined],
  ['an expression of a search', () => toRipgrepPattern('['.repeat(100_000)).length, 199_999],
  ['an expression of classes', () => toRipgrepPattern('\\p{'.repeat(100_000)).length, 400_000],
  ['a line of the log', () => createScrubber().scrub('\\'.repeat(much)).length, much],
  ['backticks of a comment', () => extractAuthoredText(many((n) => `${'`'.repeat(n % 600)}a`, 2_000)).length > 0, true],
  ['marks of a comment', () => extractAuthoredText('<!--'.repeat(60_000) + '<pre'.repeat(60_000)), ''],
])('%s is read in a time that grows with its length', async (_, work, expected) =>
  expect(await work()).toEqual(expected),
);

function screen(text: string): string {
  const seen = new ScreenText();
  return seen.add(text) + seen.end();
}
function written(begin: string, delta: string, count: number): string {
  const calls = new TextToolCallFinder(new Set(['a']));
  const texts = [calls.push(begin).text];
  for (let n = 0; n < count; n++) texts.push(calls.push(delta).text);
  return texts.join('') + calls.end().text;
}
function stream(begin: string, part: string, count: number) {
  const piece = Buffer.from(part);
  const pieces = Readable.from([Buffer.from(begin), ...Array.from({ length: count }, () => piece)]);
  return Readable.toWeb(pieces) as ReadableStream<Uint8Array<ArrayBuffer>>;
}
async function replied(begin: string, part: string, count: number): Promise<string> {
  const headers = { 'content-type': 'text/event-stream' };
  const fetch = createOpenaiCompatibleFetch(async () => new Response(stream(begin, part, count), { headers }));
  const answer = await fetch('http://a');
  return /cannot be read/.exec(await answer.text())?.[0] ?? '';
}
async function framed(part: string, count: number): Promise<string> {
  const frames = Array.fromAsync(parseServerSentEvents(stream('data: ', part, count), 32_000_000));
  return await frames.then(String, (thrown: Error) => thrown.name);
}
async function patched(hunks: number, lines: number, context: number): Promise<string> {
  const { run, sandbox } = toolBench();
  await sandbox.writeFile('a', 'a\n'.repeat(lines), new AbortController().signal);
  const hunk = `@@ -1,${context + 1} +1,${context} @@\n${' a\n'.repeat(context)}-${hunks > 1 ? 'a' : 'b'}\n`;
  const args = { file: 'a', patch: `--- a\n+++ a\n${hunk.repeat(hunks)}` };
  return await run(fileEdit, args).then(
    ({ output }) => output,
    (thrown: Error) => thrown.message,
  );
}
const notes = (text: string) =>
  ({ list: async () => [{ path: 'person/a' }], read: async () => ({ text }) }) as unknown as Parameters<
    typeof formatNotes
  >[0];

test.each([
  ['empty lines', '\n'.repeat(100_000), false],
  ['blanks', ` ${'\t '.repeat(100_000)}`, false],
  ['a section in the line of its setting', '[extensions] objectFormat = "sha256"\n', true],
])('the config of a listed repository with %s is read', async (_, config, isSha256) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-config-'));
  try {
    await mkdir(join(root, 'objects'));
    writeFileSync(join(root, 'HEAD'), 'ref: refs/heads/main\n');
    writeFileSync(join(root, 'config'), config);
    const folder = await findGitFolder(root, 'file:///a');
    const pieces = await Array.fromAsync(streamBareRepository(folder, new AbortController().signal));
    expect(Buffer.concat(pieces).includes('objectformat = sha256')).toBe(isSha256);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a page that a browser shows is read in the thread of pages, and one that ends the thread has no text', async () => {
  await using pages = createPageTextThread();
  const { signal } = new AbortController();
  expect(await pages.do({ tree: [{ tag: 'pre', inner: ['a'] }] }, signal)).toEqual({
    title: '',
    markdown: '```\na\n```',
  });
  let deep: { tag: string; inner: unknown[] } = { tag: 'div', inner: ['x'] };
  for (let n = 0; n < 3_000; n++) deep = { tag: 'blockquote', inner: [deep] };
  expect(await pages.do({ tree: [deep] as never }, signal)).toBeUndefined();
  expect((await pages.do({ tree: ['b'] }, signal))?.markdown).toBe('b');
});

import { expect, test } from 'vitest';
import type { FetchedPage } from '../../../../../src/agents/page-fetch/fetch.ts';
import { toModelText } from '../../../../../src/agents/tools/output.ts';
import { createWebFetchTool } from '../../../../../src/agents/tools/web/fetch.ts';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import { pngSignature } from '../../../../../src/core/text/pictures.ts';
import { toolBench } from '../../../../support/agents/tools.ts';

const signal = () => new AbortController().signal;
/** The tool over a web that answers with this page; pages are read as `title` and `<html>`. */
function bench(page: (Partial<FetchedPage> & { text?: string }) | AppError, read: 'reads' | 'fails' = 'reads') {
  const tools = toolBench();
  const requests: unknown[] = [];
  const tool = createWebFetchTool({
    fetch: async (address) => {
      if (page instanceof AppError) throw page;
      const { text = '', ...input } = page;
      const usual = { status: 200, type: 'text/html', charset: undefined, isCut: false };
      return { ...usual, url: new URL(address), bytes: Buffer.from(text), ...input };
    },
    read: async (job) => {
      requests.push(job);
      return read === 'reads' ? { title: 'Title', markdown: `<${job.html}>` } : undefined;
    },
  });
  const run = (args: object = {}, more = {}) =>
    tools.run(tool, { url: 'https://a.example/x', ...args }, { operationId: 'op', ...more });
  return { ...tools, requests, run };
}

test('a page is its title, its address and its text as Markdown', async () => {
  const { run, requests } = bench({ text: 'page', url: new URL('https://b.example/y') });
  expect(await run({ part: 'all' })).toEqual({ ok: true, output: 'Title — https://b.example/y\n\n<page>' });
  expect(requests).toEqual([{ html: 'page', address: 'https://b.example/y', part: 'all' }]);
});

test('a long page is a file of the sandbox, and the model reads where', async () => {
  const { run, sandbox } = bench({ type: 'text/plain', text: 'line\n'.repeat(20_000) });
  const result = await run();
  expect(toModelText(result)).toContain('All of it is in .corral/output/op.md: read it with file_read.');
  expect(toModelText(result).length).toBeLessThan(17_000);
  expect((await sandbox.readFile('.corral/output/op.md', signal())).length).toBeGreaterThan(100_000);
});

test.each([
  ['the header', { charset: 'windows-1251', bytes: Buffer.from([0xcf, 0xf0]) }, 'Пр'],
  ['the page', { bytes: Buffer.from('<meta charset="koi8-r">\xf0', 'latin1') }, 'П'],
  ['a mark at the beginning', { charset: 'utf-8', bytes: Buffer.from('\ufeffhé', 'utf16le') }, 'hé'],
  ['an unknown header, which does not count', { charset: 'klingon', bytes: Buffer.from('é') }, 'é'],
])('the charset comes from %s', async (_, page, expected) =>
  expect((await bench(page).run()).output).toContain(expected),
);

test.each(['application/json', 'application/ld+json', 'text/csv', 'application/xml'])(
  '%s stays as it is',
  async (type) => {
    const { run, requests } = bench({ type, text: '{"a":1}' });
    expect([(await run()).output, requests]).toEqual(['https://a.example/x\n\n{"a":1}', []]);
  },
);

test('a type that is missing is guessed', async () => {
  expect((await bench({ type: '', text: ' <!DOCTYPE html>x' }).run()).output).toContain('Title');
  expect((await bench({ type: '', text: 'plain' }).run()).output).toBe('https://a.example/x\n\nplain');
  expect(await bench({ type: '', bytes: Buffer.from([1, 0, 2]) }).run()).toMatchObject({ reason: 'refused' });
});

test('a picture is kept for the model, and in a file', async () => {
  const { run, sandbox } = bench({ type: 'image/png', bytes: pngSignature });
  const kept = { file: 'f', url: '/f', mimeType: 'image/png' };
  const result = await run({}, { keepPicture: async () => kept });
  const expected = { ok: true, pictures: [kept], output: expect.stringContaining('.corral/output/op.png') };
  expect(result).toMatchObject(expected);
  expect(await sandbox.readFile('.corral/output/op.png', signal())).toEqual(pngSignature);
});

test('what cannot be read says so, with another way', async () => {
  const pdf = await bench({ type: 'application/pdf', text: '%PDF' }).run();
  expect(pdf).toMatchObject({ ok: false, reason: 'refused' });
  expect(pdf.output).toBe(
    'https://a.example/x is application/pdf (4 bytes), which web_fetch cannot read. Download it with a command, such as curl, and open it with a program.',
  );
  const complex = await bench({ text: 'page' }, 'fails').run();
  const expected = { ok: false, output: 'The page is too complex to be read. Its HTML is in .corral/output/op.html.' };
  expect(complex).toMatchObject(expected);
});

test('statuses, cut answers, refusals and silence are reported', async () => {
  const expected = { ok: false, reason: 'failed', output: expect.stringMatching(/^HTTP status 404\nTitle/) };
  expect(await bench({ status: 404, text: 'gone' }).run()).toMatchObject(expected);
  expect((await bench({ isCut: true, type: 'text/plain', text: 'x' }).run()).output).toContain('longer than 10 MiB');
  const no = await bench(new AppError('forbidden', 'egress to a.example:443 refused: policy')).run();
  expect(no).toEqual({ ok: false, reason: 'refused', output: 'egress to a.example:443 refused: policy' });
  const late = await bench(new AppError('deadline_exceeded', 'late')).run();
  expect(late).toMatchObject({
    reason: 'timed_out',
    output: 'https://a.example/x did not send its complete response within 30 s.',
  });
});

import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionEvent } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { readEventContents } from '../../../../src/facades/compat/managed-agents/sessions/content.ts';
import { parseInboundEvents } from '../../../../src/facades/compat/managed-agents/sessions/inbound.ts';
import { sendEvents } from '../../../../src/facades/compat/managed-agents/sessions/send.ts';
import { SessionProjection } from '../../../../src/facades/compat/managed-agents/sessions/threads/session-projection.ts';

const id = '0123456789abcdef' as SessionId;
const runId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
const upload = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a12';
const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex');

const kept: Buffer[] = [];
const files = {
  resolveUpload: async (file: string) => {
    if (file !== 'file_1') throw new AppError('not_found', 'no');
    return upload;
  },
  readHead: async () => ({ head: kept.at(-1) ?? png, size: 100, name: 'picture.png' }),
  fetched: async (address: string) => {
    const answer = { status: 200, type: 'image/png', bytes: png, isCut: false };
    const other: Record<string, object | AppError> = {
      '/page': { type: 'text/html' },
      '/gone': { status: 404 },
      '/long': { isCut: true },
      '/closed': new AppError('forbidden', 'The policy does not open it.'),
      '/none': new AppError('not_found', 'There is no such host.'),
    };
    const more = other[new URL(address).pathname];
    if (more instanceof AppError) throw more;
    return { ...answer, ...more };
  },
  keep: async ({ bytes }: { bytes: Buffer }) => {
    kept.push(bytes);
    return upload;
  },
};

/** A session of a self-hosted environment whose calls wait. `answers`: what the engine takes of the next decisions. */
function waiting(requests: readonly (readonly [name: string, more: object])[], answers: readonly string[] | 'none') {
  const events: SessionEvent[] = [];
  const projection = new SessionProjection(id, { name: 'Coder', customTools: new Set(['ask']), servers: new Map() });
  const log = (type: string, data: object) => {
    const event = { type, data, runId, sessionId: id, seq: events.length + 1, ts: 1_000 } as unknown as SessionEvent;
    events.push(event);
    return event;
  };
  log('run.started', { task: 'x', messageId: upload });
  for (const [n, [name, more]] of requests.entries())
    log('approval.requested', { callId: `c${n}`, function: name, args: {}, expiresAt: 1, ...more });
  log('run.wait', { question: '?', reason: 'approval' });
  const reported = events.flatMap((event) => projection.add(event)).map(({ event }) => event);
  const ids = reported.filter(({ type }) => /tool_use$/.test(type)).map((event) => event.id);
  const decided: unknown[] = [];
  const sessions = {
    async decide(_: SessionId, { also = [], ...first }: { callId: string; also?: readonly { callId: string }[] }) {
      const all = [first, ...also];
      decided.push(all.map((one) => ('result' in one ? `${one.callId} result` : one.callId)));
      if (answers === 'none') throw new AppError('conflict', 'no');
      for (const one of all) if (answers.includes(one.callId)) log('approval.resolved', { ...one, by: 'program' });
    },
    page: async (_: SessionId, after: number) => ({ events: events.slice(after), head: events.length }),
  };
  const record = { id, archived: false, agent: { environment: 'env_1' } } as unknown as SessionRecord;
  const target = { record, projection, sessions: sessions as never, files, now: () => 2_000 };
  const send = (...params: object[]) => sendEvents(target, parseInboundEvents({ events: params }));
  return { ids, decided, send };
}
const allow = (tool_use_id = '') => ({ type: 'user.tool_confirmation', tool_use_id, result: 'allow' });
const text = [{ type: 'text', text: 'ok' }];
const result = (tool_use_id = '') => ({ type: 'user.tool_result', tool_use_id, content: text });
const custom = (custom_tool_use_id = '') => ({ type: 'user.custom_tool_result', custom_tool_use_id, content: text });

test('the answers of a request count in one step', async () => {
  const { ids, decided, send } = waiting(
    [
      ['ask', { byClient: true }],
      ['ask', { byClient: true }],
      ['bash', {}],
    ],
    ['c0', 'c1', 'c2'],
  );
  expect(ids).toHaveLength(3);
  const answers = await send(custom(ids[0]), custom(ids[1]), allow(ids[2]));
  expect(decided).toEqual([['c0 result', 'c1 result', 'c2']]);
  expect(new Set(answers.map((one) => one.id)).size).toBe(3);
  expect(answers.some((one) => one.id.endsWith('again'))).toBe(false);
});

test('a worker’s result right behind the permission is handed over; one before it is refused', async () => {
  const { ids, decided, send } = waiting([['bash', { forWorker: true }]], ['c0']);
  await expect(send(result(ids[0]))).rejects.toMatchObject({ code: 'invalid_request' });
  const answers = await send(allow(ids[0]), result(ids[0]));
  expect(decided).toEqual([['c0', 'c0 result']]);
  expect(answers.map((one) => one.type)).toEqual(['user.tool_confirmation', 'user.tool_result']);
});

test('a result that is not taken, though nothing answered the call, asks for another try', async () => {
  const { ids, send } = waiting([['bash', { byClient: true }]], 'none');
  await expect(send(result(ids[0]))).rejects.toMatchObject({ code: 'conflict', narrow: { isTemporary: true } });
});

const content = async (type: string, blocks: object[]) => {
  const more = type === 'user.message' ? {} : { tool_use_id: 'sevt_1' };
  const [event] = parseInboundEvents({ events: [{ type, content: blocks, ...more }] });
  if (!event) throw new Error('no event');
  return (await readEventContents([event], files)).of(event);
};
const picture = (source: object) => ({ type: 'image', source });
const base64 = (data: string, media_type = 'image/png') => ({ type: 'base64', media_type, data });
const fileId = 'file_u3f0b6f0e7c1d4a519f432f6f0f1f7a12';

test('pictures and documents of messages and results are kept, and come back as what they were', async () => {
  const input = picture(base64(png.toString('base64')));
  const shown = picture({ type: 'file', file_id: fileId });
  const message = await content('user.message', [input]);
  expect(message).toMatchObject({ files: [upload], blocks: [shown], text: expect.stringMatching(/./) });
  const address = picture({ type: 'url', url: 'https://example.com/a.png' });
  expect(await content('user.message', [address])).toMatchObject({ files: [upload], blocks: [shown] });
  const seen = await content('user.tool_result', [...text, input]);
  const expected = { text: 'ok', blocks: [...text, shown], pictures: [{ file: upload, mimeType: 'image/png' }] };
  expect(seen).toMatchObject(expected);
  const own = { type: 'document', title: 'Plan', source: { type: 'file', file_id: 'file_1' } };
  expect((await content('user.message', [own])).blocks).toEqual([own]);
  const plain = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'abc' } };
  expect(await content('user.tool_result', [plain])).toMatchObject({ text: 'abc', files: [] });
  const pdf = { type: 'document', source: base64(Buffer.from('%PDF-1.7').toString('base64'), 'application/pdf') };
  const unseen = await content('user.tool_result', [pdf]);
  expect(unseen).toMatchObject({ pictures: [], text: expect.stringContaining('cannot be shown') });
});

const refused: [string, object][] = [
  ['no base64', base64('?')],
  ['cut base64', base64('abc')],
  ['another type', base64('AAAA', 'image/tiff')],
  ['a file that is not there', { type: 'file', file_id: 'file_2' }],
  ...['page', 'gone', 'long', 'closed', 'none'].map((path): [string, object] => [
    `an address: ${path}`,
    { type: 'url', url: `https://example.com/${path}` },
  ]),
];
test.each(refused)('a picture with %s is refused before anything counts', async (_, source) => {
  const before = kept.length;
  await expect(content('user.message', [picture(source)])).rejects.toMatchObject({
    code: expect.stringMatching(/invalid_request|not_found/),
  });
  expect(kept).toHaveLength(before);
});

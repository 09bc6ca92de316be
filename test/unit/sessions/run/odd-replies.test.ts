import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { toSheikhboxEvent } from '../../../../src/facades/compat/sheikhbox/stream/events.ts';
import { toSseFrame } from '../../../../src/http/transport/sse.ts';
import { openSqliteStore } from '../../../../src/storage/sqlite/store.ts';
import { stripAnsi } from '../../../../src/web/parts/ansi.ts';
import { assistantMessage } from '../../../support/machines/session-parts.ts';
import { calledFact, newSession, temporaryFolder } from '../../../support/stores/store.ts';

const odd = {
  'U+0000': 'a\u0000b',
  'a lone surrogate': 'a\ud800b\udc00',
  'bidi controls': 'abc\u202e\u2066gpj.exe\u2069',
  ANSI: '\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b]52;c;ZWNobw==\u0007end',
  'line separators': 'a\u2028b\u2029c\r\nd\rdata: x\n\nevent: y',
  'a name of the prototype': '__proto__',
};

// One store for all replies: each opening of a database waits for the disk.
const logs = new Map<string, { facts: readonly SessionFact[]; events: readonly SessionEvent[] }>();
beforeAll(async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'corral.db');
  const kept = Object.entries(odd).map(([name, text]) => ({ name, id: newSession(), facts: factsOf(text) }));
  {
    await using store = await openSqliteStore({ path });
    for (const { id, facts } of kept) await store.events.append({ sessionId: id, after: 0, at: 1, facts });
  }
  await using store = await openSqliteStore({ path });
  for (const { name, id, facts } of kept) {
    const { events } = await store.events.page(id, 0, 10);
    logs.set(name, { facts, events });
  }
});

const factsOf = (text: string): SessionFact[] => {
  const args = JSON.parse(
    `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"text":${JSON.stringify(text)}}`,
  );
  return [assistantMessage(text), calledFact({ output: text, args })];
};

test.each(Object.entries(odd))(
  'F085 a reply that holds %s is stored as it was and framed without breaking out',
  (name, text) => {
    const { facts = [], events = [] } = logs.get(name) ?? {};
    const [message, call] = events;
    expect(message).toMatchObject({ data: { text } });
    expect(call?.type === 'tool.called' && JSON.stringify(call.data)).toBe(JSON.stringify(facts[1]?.data));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    for (const event of events) {
      const frame = toSheikhboxEvent(event, 'current');
      if (!frame) throw new Error('nothing is reported of it');
      const lines = toSseFrame({ id: '1', ...frame })
        .toString()
        .split('\n');
      expect(lines.filter((line) => line.startsWith('data: '))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('event: '))).toHaveLength(1);
      expect(lines.filter((line) => line !== '' && !/^(id|event|data): /.test(line))).toEqual([]);
      expect(lines.join('')).not.toMatch(/\p{Cc}/u);
    }
  },
);

test('F085 the page shows such text without what a terminal would obey', () => {
  expect([stripAnsi(odd.ANSI), stripAnsi(odd['U+0000'])]).toEqual(['red end', 'ab']);
  expect(stripAnsi('safe\u009b31mtext\u0007')).not.toMatch(/\p{Cc}/u);
});

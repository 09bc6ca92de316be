import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EventLog, LogUpdate, Store } from '../../../src/core/contracts/ports.ts';
import type { FactOf, SessionEvent, SessionFact } from '../../../src/core/model/events.ts';
import { MessageId, SessionId } from '../../../src/core/model/ids.ts';

/** A store and its database or folder; disposing removes both. */
export interface OpenStore extends AsyncDisposable {
  readonly store: Store;
}

let sessions = 0;
export const newSession = (): SessionId => SessionId.parse((++sessions).toString(16).padStart(16, '0'));

/** Facts that compaction keeps, distinguished by their titles. */
export const facts = (count: number, from = 1): SessionFact[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'title', runId: null, data: { title: `t${from + n}` } }));

const messageId = MessageId.parse('11111111-1111-4111-8111-111111111111');
/** Facts that compaction can drop. */
export const deltas = (count: number): SessionFact[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'message.delta', runId: null, data: { messageId, text: `d${n}` } }));

export const calledFact = (data: Partial<FactOf<'tool.called'>['data']>): FactOf<'tool.called'> => ({
  type: 'tool.called',
  runId: null,
  data: {
    callId: 'c1',
    tool: 'shell',
    function: 'shell_exec',
    args: {},
    success: true,
    output: '',
    content: null,
    ...data,
  },
});

export function writer(
  log: Pick<EventLog, 'append'>,
  sessionId: SessionId,
): (facts: readonly SessionFact[]) => Promise<number> {
  let after = 0;
  return async (facts) => {
    after = await log.append({ sessionId, after, at: 1, facts });
    return after;
  };
}

export type FollowedUpdate =
  | Exclude<LogUpdate, { kind: 'events' }>
  | { readonly kind: 'event'; readonly event: SessionEvent };
/** The items of a follower, with one event each. */
export async function* oneByOne(items: AsyncIterable<LogUpdate>): AsyncGenerator<FollowedUpdate> {
  for await (const item of items) {
    if (item.kind === 'resync') yield item;
    else for (const event of item.events) yield { kind: 'event', event };
  }
}
export const seqOf = (item: FollowedUpdate | undefined) => (item?.kind === 'event' ? item.event.seq : item?.reason);

/** The items of a reader that disconnects after `count` items. */
export async function take(
  log: EventLog,
  sessionId: SessionId,
  after: number,
  count: number,
  options = { deltas: true },
) {
  const cut = new AbortController();
  const got: ReturnType<typeof seqOf>[] = [];
  for await (const item of oneByOne(log.follow(sessionId, after, { ...options, signal: cut.signal }))) {
    if (got.push(seqOf(item)) < count) continue;
    cut.abort();
    break;
  }
  return got;
}

// A process that was just ended can still write to a folder while it is removed.
const removal = { recursive: true, force: true, maxRetries: 8, retryDelay: 50 } as const;

export const removeFolder = (path: string): Promise<void> => rm(path, removal);

export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'corral-store-'));
  return { path, [Symbol.dispose]: () => rmSync(path, removal) };
}

/** A settings folder with these files beside its `corral.yaml`, which CORRAL_CONFIG names. */
export function settingsFolder(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries({ 'corral.yaml': '', ...files })) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), text);
  }
  return { ...folder, config: join(folder.path, 'corral.yaml') };
}

import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { collectTurn } from '../../src/agents/models/collect.ts';
import type { AssistantMessage, Model, TurnRequest } from '../../src/agents/models/model.ts';
import { createModel } from '../../src/agents/models/registry.ts';
import type { CommandTerminal } from '../../src/app/commands/command.ts';
import { loadLocalConfig } from '../../src/app/commands/local-config.ts';
import { openLocalStore } from '../../src/app/commands/transfer.ts';
import { closeBlobStore, openBlobStore } from '../../src/app/parts/store.ts';
import { throwIfAborted } from '../../src/core/concurrency/cancel.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import type { RecordStore, Store } from '../../src/core/contracts/ports.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { createIdSource, SessionId } from '../../src/core/model/ids.ts';
import { formatPlainTable } from '../../src/core/text/plain-table.ts';
import { truncateEnd } from '../../src/core/text/text.ts';
import { readEventsFrom } from '../../src/sessions/engine/run-fold.ts';
import { createUploadStore } from '../../src/sessions/projects/uploads.ts';
import { readRecordedRequest } from '../../src/sessions/run/log/request-at.ts';
import { loadPictures } from '../../src/sessions/run/turns/ask-model.ts';
import { createEventLog } from '../../src/storage/log/log.ts';
import { compareReplies, type ReplyDifference, replyDifferences } from './difference.ts';
import { type RecordedTurn, readRecordedTurns } from './recorded-turns.ts';

type Reply = Pick<AssistantMessage, 'text' | 'calls'>;
interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost?: number | undefined;
}
interface ShadowTurn {
  readonly turn: number;
  readonly phase: string;
  readonly recorded: Reply;
  readonly other: Reply;
  readonly difference: ReplyDifference | 'failed';
  readonly failure?: string;
  readonly recordedUsage: (TokenUsage & { readonly model: string }) | null;
  readonly otherUsage: TokenUsage | null;
}

async function usageByTurn({ events }: Store, id: SessionId) {
  const found = new Map<number, NonNullable<ShadowTurn['recordedUsage']>>();
  for await (const { type, data } of readEventsFrom(createEventLog(events, { maxLag: 5_000, pageSize: 500 }), id, 1))
    if (type === 'usage' && data.turn !== undefined) found.set(data.turn, data);
  return found;
}

interface ShadowComparison {
  readonly turns: readonly ShadowTurn[];
  readonly others: number;
  readonly model: string;
}

function shadowReport({ turns: requests, others, model }: ShadowComparison): string {
  const rows = requests.map((it) => [
    String(it.turn),
    it.phase,
    shown(it.recorded),
    it.failure ?? shown(it.other),
    it.difference === 'none' ? '' : it.difference,
  ]);
  const count = (difference: ShadowTurn['difference']) => requests.filter((it) => it.difference === difference).length;
  const counts = [...replyDifferences, 'failed' as const].map((it) => `${it} ${count(it)}`).join(', ');
  const recorded = [...new Set(requests.flatMap(({ recordedUsage: it }) => it?.model ?? []))].join(', ') || 'recorded';
  return [
    formatPlainTable([['turn', 'phase', 'recorded', model, 'difference'], ...rows]),
    '',
    `differences: ${counts}${others > 0 ? `; ${others} turns have no reply to compare with` : ''}`,
    spentLine(
      recorded,
      requests.map(({ recordedUsage }) => recordedUsage),
    ),
    spentLine(
      model,
      requests.map(({ otherUsage }) => otherUsage),
    ),
  ].join('\n');
}

const shownLength = 48;
const cut = (text: string): string => (text.length > shownLength ? `${truncateEnd(text, shownLength - 1)}…` : text);

/** One line, safe for a terminal. */
function shown({ text, calls }: Reply): string {
  const called = calls.map(({ name, args }) => `${name} ${JSON.stringify(args)}`).join('; ');
  return cut((called || JSON.stringify(text)).replace(/\p{C}/gu, ' '));
}

function spentLine(model: string, spent: readonly (TokenUsage | null)[]): string {
  const known = spent.filter((it) => it !== null);
  const sum = (of: (it: TokenUsage) => number) => known.reduce((all, it) => all + of(it), 0);
  const cost = known.some((it) => it.cost === undefined) ? 'unknown' : sum((it) => it.cost ?? 0).toFixed(6);
  return `${model}: ${sum((it) => it.inputTokens)} tokens in, ${sum((it) => it.outputTokens)} out, price ${cost}`;
}

export const shadowUsage = '<session> --model <provider/model> [--json FILE]';

/** Rejects with invalid_request (arguments, model) or not_found (no such session, or no recorded turns). */
export async function runShadowCommand(
  args: readonly string[],
  { print, say, signal }: CommandTerminal,
): Promise<number> {
  const { session, model: ref, json } = parsed(args);
  const config = loadLocalConfig();
  const newId = createIdSource().short;
  const model = await createModel(ref, { models: config.models, clock: systemClock, newId, random: () => 0.5 });
  await using store = await openLocalStore({ mayBegin: false });
  const { turns, others } = await readRecordedTurns(store.records, session);
  if (turns.length === 0) {
    const why = 'The store has no turn of that session whose request was recorded';
    throw new AppError(
      'not_found',
      `${why}. Check the id ${session}, and that CORRAL_DATA_DIR is the data folder of its server.`,
    );
  }
  const usage = await usageByTurn(store, session);
  const load = await pictureLoader(store);
  await using _blobs = load;
  const requests: ShadowTurn[] = [];
  for (const recorded of turns) {
    throwIfAborted(signal);
    const { turn, reply } = recorded;
    const { request, answer } = await ask(
      { records: store.records, load: load.picture, model },
      session,
      recorded,
      signal,
    );
    const { message, outcome } = answer;
    throwIfAborted(signal);
    requests.push({
      turn,
      phase: request.phase.kind,
      recorded: { text: reply.text, calls: reply.calls },
      other: { text: message.text, calls: message.calls },
      difference: outcome.kind === 'finished' ? compareReplies(reply, message) : 'failed',
      ...(outcome.kind === 'failed' && { failure: outcome.message }),
      recordedUsage: usage.get(turn) ?? null,
      otherUsage: outcome.kind === 'finished' ? outcome.usage : null,
    });
    say(`turn ${turn}: ${requests.at(-1)?.difference}`);
  }
  print(shadowReport({ turns: requests, others, model: model.name }));
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ session, model: model.name, turns: requests }, null, 2)}\n`);
  return requests.some(({ difference }) => difference === 'failed') ? 1 : 0;
}

interface ShadowRequest {
  readonly records: RecordStore;
  readonly load: (file: string) => Promise<string | undefined>;
  readonly model: Model;
}

/** Sends the exact request of the turn to another model. The calls in its reply are not executed. */
async function ask(
  { records, load, model }: ShadowRequest,
  id: SessionId,
  { turn }: RecordedTurn,
  signal: AbortSignal,
) {
  const seen = await readRecordedRequest(records, id, turn);
  if (!seen.proved)
    throw new AppError('conflict', `The stored request of turn ${turn} differs from the one that was sent.`);
  const { messages } = await loadPictures(seen.request.messages, load, signal);
  const request: TurnRequest = { ...seen.request, messages };
  const answer = await collectTurn(model.turn(request, signal), { model: model.name, onDelta: () => {} });
  return { request, answer };
}

async function pictureLoader({ records }: Store) {
  const config = loadLocalConfig();
  const blobs = await openBlobStore(config, systemClock);
  const newId = createIdSource().short;
  const uploads = createUploadStore({ records, blobs, clock: systemClock, newId, maxBytes: config.maxUploadBytes });
  return {
    /** Undefined if the picture is no longer stored. The model then gets its name instead. */
    picture: (file: string): Promise<string | undefined> =>
      uploads.open(file).then(
        async (stream) => (await buffer(stream)).toString('base64'),
        () => undefined,
      ),
    [Symbol.asyncDispose]: () => closeBlobStore(blobs),
  };
}

function parsed(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { model: { type: 'string' }, json: { type: 'string' } },
    });
    const [session = '', ...more] = positionals;
    const id = SessionId.safeParse(session);
    if (!id.success || more.length > 0) throw new Error('shadow needs the id of one session');
    if (values.model === undefined) throw new Error('--model is missing');
    return { session: id.data, model: values.model, json: values.json };
  } catch (error) {
    throw new AppError('invalid_request', `${(error as Error).message}. It takes shadow ${shadowUsage}.`);
  }
}

import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { collectTurn } from '../../../agents/models/collect.ts';
import type { Model, TurnRequest } from '../../../agents/models/model.ts';
import { createModel } from '../../../agents/models/registry.ts';
import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import { systemClock } from '../../../core/contracts/clock.ts';
import type { RecordStore, Store } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { randomIds, SessionId } from '../../../core/model/ids.ts';
import { uploadService } from '../../../sessions/projects/uploads.ts';
import { type RecordedTurn, recordedTurns } from '../../../sessions/run/log/recorded-turns.ts';
import { requestAt } from '../../../sessions/run/log/request-at.ts';
import { withPictures } from '../../../sessions/run/turns/message-images.ts';
import { closeBlobs, openBlobs } from '../../parts/blobs.ts';
import type { Terminal } from '../command.ts';
import { localConfig } from '../local-config.ts';
import { localStore } from '../local-store.ts';
import { compareReplies } from './difference.ts';
import { type ShadowTurn, shadowReport, usageByTurn } from './shadow-report.ts';

export const shadowUsage = '<session> --model <provider/model> [--json FILE]';

/** Rejects: invalid_request (arguments, model), not_found (no such session, or one without recorded turns). */
export async function runShadow(args: readonly string[], { print, say, signal }: Terminal): Promise<number> {
  const { session, model: ref, json } = parsed(args);
  const config = localConfig();
  const newId = randomIds().short;
  const model = await createModel(ref, { models: config.models, clock: systemClock, newId, random: () => 0.5 });
  await using store = await localStore({ mayBegin: false });
  const { turns, others } = await recordedTurns(store.records, session);
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
    throwIfFired(signal);
    const { turn, reply } = recorded;
    const { request, answer } = await ask(
      { records: store.records, load: load.picture, model },
      session,
      recorded,
      signal,
    );
    const { message, outcome } = answer;
    throwIfFired(signal);
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

/** Gives another model the very request of the turn. Its calls are not made. */
async function ask(
  { records, load, model }: ShadowRequest,
  id: SessionId,
  { turn }: RecordedTurn,
  signal: AbortSignal,
) {
  const seen = await requestAt(records, id, turn);
  if (!seen.proved)
    throw new AppError('conflict', `The stored request of turn ${turn} differs from the one that was sent.`);
  const { messages } = await withPictures(seen.request.messages, load, signal);
  const request: TurnRequest = { ...seen.request, messages };
  const answer = await collectTurn(model.turn(request, signal), { model: model.name, onDelta: () => {} });
  return { request, answer };
}

async function pictureLoader({ records }: Store) {
  const config = localConfig();
  const blobs = await openBlobs(config, systemClock);
  const newId = randomIds().short;
  const uploads = uploadService({ records, blobs, clock: systemClock, newId, maxBytes: config.maxUploadBytes });
  return {
    /** Undefined for a picture that is no longer kept: the model then gets its name. */
    picture: (file: string): Promise<string | undefined> =>
      uploads.open(file).then(
        async (stream) => (await buffer(stream)).toString('base64'),
        () => undefined,
      ),
    [Symbol.asyncDispose]: () => closeBlobs(blobs),
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
    throw new AppError('invalid_request', `${(error as Error).message}. It takes eval shadow ${shadowUsage}.`);
  }
}

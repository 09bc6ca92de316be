import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { Inbox } from '../../core/ports.ts';

const keptMs = 24 * 60 * 60 * 1000;
const sweepEveryMs = 60 * 60 * 1000;

/** A key that was claimed for this request. Exactly one of `answer` and `release` must follow. */
export interface Claim {
  readonly kind: 'new';
  answer(answer: unknown): Promise<void>;
  /** Nothing was done: the client may try again with the same key. */
  release(): Promise<void>;
}
export type Claimed = Claim | { readonly kind: 'replay'; readonly answer: unknown } | undefined;

export interface Idempotency {
  /** Undefined without the header. Rejects: invalid_request, conflict. */
  claim(request: FastifyRequest): Promise<Claimed>;
  /** Runs `work` at most once per key; marks the reply where it gives the first answer again. */
  once<Answer>(request: FastifyRequest, reply: FastifyReply, work: () => Promise<Answer>): Promise<Answer>;
  /** The same for a key that is no header: `key` says whose and what it is, `content` must not differ next time. */
  onceFor<Answer>(key: readonly string[], content: string, work: () => Promise<Answer>): Promise<Answer>;
}

export function idempotency(inbox: Inbox, clock: Clock): Idempotency {
  let sweptAt = 0;
  const sweep = async (now: number) => {
    if (now - sweptAt < sweepEveryMs) return;
    sweptAt = now;
    await inbox.expire(now - keptMs);
  };

  const claim = async (request: FastifyRequest): Promise<Claimed> => {
    const given = request.headers['idempotency-key'];
    if (given === undefined) return undefined;
    if (typeof given !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(given)) {
      throw new AppError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
    }
    const parts = [request.caller, request.method, target(request.url), given];
    return await claimKey(`http:${sha256(parts.join('\n'))}`, sha256(request.rawBody ?? ''));
  };

  const claimKey = async (key: string, contentHash: string): Promise<Claim | Extract<Claimed, { kind: 'replay' }>> => {
    const now = clock.now();
    await sweep(now);
    const claimed = await inbox.claim(key, contentHash, now);
    switch (claimed.kind) {
      case 'new':
        return {
          kind: 'new',
          answer: (answer) => inbox.answer(key, answer),
          release: () => inbox.release(key),
        };
      case 'done':
        return { kind: 'replay', answer: claimed.answer };
      case 'pending':
        throw new AppError('conflict', 'The first request with this idempotency key is still in progress.');
      case 'conflict':
        throw new AppError('conflict', 'This idempotency key was used with other content.');
    }
  };

  return {
    claim,
    async once(request, reply, work) {
      const claimed = await claim(request);
      if (claimed?.kind === 'replay') {
        markReplayed(reply);
        return claimed.answer as Awaited<ReturnType<typeof work>>;
      }
      return settle(claimed, work);
    },
    async onceFor(key, content, work) {
      const claimed = await claimKey(`call:${sha256(key.join('\n'))}`, sha256(content));
      if (claimed.kind === 'replay') return claimed.answer as Awaited<ReturnType<typeof work>>;
      return settle(claimed, work);
    },
  };
}

/** Does the work; what it gives is the answer for all repeats, and if it fails the key is free again. */
export async function settle<Answer>(claim: Claim | undefined, work: () => Promise<Answer>): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await work();
  } catch (thrown) {
    await claim?.release();
    throw thrown;
  }
  await claim?.answer(answer);
  return answer;
}

export function markReplayed(reply: FastifyReply): void {
  reply.header('idempotency-replayed', 'true');
}

/** The path without a trailing slash, and the query without the token, which may be renewed between two tries. */
function target(url: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const kept = query.split('&').filter((pair) => pair !== '' && !pair.startsWith('token='));
  return `${path.replace(/\/$/, '')}?${kept.join('&')}`;
}

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { IdempotencyStore } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';

const keptMs = 24 * 60 * 60 * 1000;
const sweepEveryMs = 60 * 60 * 1000;

/** The holder must call either `answer` or `release`, exactly once. */
export interface IdempotencyClaim {
  readonly kind: 'new';
  answer(answer: unknown): Promise<void>;
  /** Call this if the work failed. The key can then be used again. */
  release(): Promise<void>;
}
export type IdempotencyResult = IdempotencyClaim | { readonly kind: 'replay'; readonly answer: unknown } | undefined;

export interface Idempotency {
  /** Returns undefined if the request has no key. Rejects: invalid_request, conflict. */
  claim(request: FastifyRequest): Promise<IdempotencyResult>;
  /** Sets the `Idempotency-Replayed` header if the first request's answer is returned again. */
  once<Answer>(request: FastifyRequest, reply: FastifyReply, work: () => Promise<Answer>): Promise<Answer>;
  /** `key` must include the owner and purpose. Rejects: conflict (reused with other `content`, or still running). */
  onceFor<Answer>(key: readonly string[], content: string, work: () => Promise<Answer>): Promise<Answer>;
}

export function createIdempotency(inbox: IdempotencyStore, clock: Clock): Idempotency {
  let sweptAt = 0;
  const sweep = async (now: number) => {
    if (now - sweptAt < sweepEveryMs) return;
    sweptAt = now;
    await inbox.expire(now - keptMs);
  };

  const claim = async (request: FastifyRequest): Promise<IdempotencyResult> => {
    const key = request.headers['idempotency-key'];
    if (key === undefined) return undefined;
    if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw new AppError('invalid_request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
    }
    const parts = [request.caller, request.method, target(request.url), key];
    return await claimKey('http', parts, sha256(request.rawBody ?? ''));
  };

  const claimKey = async (
    kind: 'http' | 'call',
    parts: readonly string[],
    contentHash: string,
  ): Promise<IdempotencyClaim | Extract<IdempotencyResult, { kind: 'replay' }>> => {
    const key = `${kind}:${sha256(parts.join('\n'))}`;
    const { seal, open } = createSeal(parts);
    const now = clock.now();
    await sweep(now);
    const claimed = await inbox.claim(key, contentHash, now);
    switch (claimed.kind) {
      case 'new':
        return {
          kind: 'new',
          answer: (answer) => inbox.answer(key, seal(answer)),
          release: () => inbox.release(key),
        };
      case 'done':
        return { kind: 'replay', answer: open(claimed.answer) };
      case 'pending':
        throw new AppError('conflict', 'The first request with this idempotency key is still in progress.');
      case 'conflict':
        throw new AppError('conflict', 'This idempotency key was used with different content.');
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
      return runWithClaim(claimed, work);
    },
    async onceFor(key, content, work) {
      const claimed = await claimKey('call', key, sha256(content));
      if (claimed.kind === 'replay') return claimed.answer as Awaited<ReturnType<typeof work>>;
      return runWithClaim(claimed, work);
    },
  };
}

/** Call this before the routes are registered. */
export function installIdempotency(app: Pick<FastifyInstance, 'addHook'>, { once }: Pick<Idempotency, 'once'>): void {
  app.addHook('onRoute', (route) => {
    const { handler, config } = route;
    const status = config?.once;
    if (status === undefined) return;
    route.handler = async function (request, reply) {
      return await once(request, reply.code(status), async () => await handler.call(this, request, reply));
    };
  });
}

export async function runWithClaim<Answer>(
  claim: IdempotencyClaim | undefined,
  work: () => Promise<Answer>,
): Promise<Answer> {
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

/** Omits the trailing slash and the token, which may differ between attempts. */
function target(url: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const kept = query.split('&').filter((pair) => pair !== '' && !pair.startsWith('token='));
  return `${path.replace(/\/$/, '')}?${kept.join('&')}`;
}

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Encrypts answers, because they can outlive the data that they describe. Decryption needs the idempotency key, which
 * is stored only as a hash.
 */
function createSeal(parts: readonly string[]) {
  const secret = createHash('sha256').update('corral answer\n').update(parts.join('\n')).digest();
  return {
    seal(answer: unknown): string {
      const nonce = randomBytes(12);
      const sealing = createCipheriv(cipher, secret, nonce);
      const box = Buffer.concat([nonce, sealing.update(JSON.stringify({ answer })), sealing.final()]);
      return Buffer.concat([box, sealing.getAuthTag()]).toString('base64url');
    },
    open(kept: unknown): unknown {
      const bytes = Buffer.from(Sealed.parse(kept), 'base64url');
      const opening = createDecipheriv(cipher, secret, bytes.subarray(0, 12), { authTagLength: 16 });
      opening.setAuthTag(bytes.subarray(-16));
      const text = Buffer.concat([opening.update(bytes.subarray(12, -16)), opening.final()]).toString();
      return (JSON.parse(text) as { answer?: unknown }).answer;
    },
  };
}
const cipher = 'aes-256-gcm';
const Sealed = z.string();

import { z } from 'zod';
import { combineSignals, sleep } from '../../core/concurrency/cancel.ts';
import { type JsonLimits, parseJsonWithinLimits } from '../../core/text/json.ts';
import { parseServerSentEvents } from '../../core/text/server-sent-events.ts';
import { trimEndCharacters } from '../../core/text/text.ts';

// The wire format is that of `@anthropic-ai/sdk` 1.12.0 (`EnvironmentWorker`).

const maxFrameChars = 32 * 2 ** 20;
const frameLimits: JsonLimits = { maxBytes: 2 * maxFrameChars, maxDepth: 200, maxValues: 1_000_000 };

/** Skips keep-alive frames. Throws if a frame reports an error. */
async function* readFrames<Shape extends z.ZodType>(
  body: ReadableStream<Uint8Array> | null,
  shape: Shape,
): AsyncGenerator<z.infer<Shape>, void> {
  if (!body) return;
  for await (const { type, data } of parseServerSentEvents(body, maxFrameChars)) {
    if (data === undefined || type === 'ping') continue;
    if (type === 'error') throw new Error(`The server ended the stream: ${data.slice(0, 500)}`);
    yield shape.parse(parseJsonWithinLimits(data, frameLimits));
  }
}

const Id = z.string().regex(/^[\w-]{1,128}$/);

export const EnvironmentWork = z.object({
  id: Id,
  environment_id: Id,
  data: z.object({ type: z.string(), id: Id }),
  secret: z.string().nullish(),
});
export type EnvironmentWork = z.infer<typeof EnvironmentWork>;

const Heartbeat = z.object({
  last_heartbeat: z.string(),
  lease_extended: z.boolean(),
  state: z.string(),
  ttl_seconds: z.number(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

const AgentSession = z.object({
  id: Id,
  status: z.string(),
  title: z.string().nullish(),
  agent: z.object({ skills: z.array(z.object({ skill_id: Id, version: z.string() })).default([]) }),
  resources: z.array(z.object({ type: z.string() })).default([]),
});
export type AgentSession = z.infer<typeof AgentSession>;

/** Unknown event types are accepted and ignored. */
export const AgentEvent = z.looseObject({ type: z.string(), id: Id.optional() });
export type AgentEvent = z.infer<typeof AgentEvent>;

const Page = z.object({ data: z.array(AgentEvent), next_page: z.string().nullish() });
const ErrorBody = z.object({ error: z.object({ type: z.string(), message: z.string() }) });

export class AgentsApiError extends Error {
  override readonly name = 'AgentsApiError';
  readonly status: number;
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
  /** True if another worker has the item, or the environment's key was revoked. */
  get isUnauthorized(): boolean {
    return this.status === 401 || this.status === 403;
  }
  get isTransient(): boolean {
    return [0, 408, 409, 429].includes(this.status) || this.status >= 500;
  }
}

export interface AgentsApiOptions {
  /** Includes the base path, if the API is not served at the root. */
  readonly url: string;
  readonly key: string;
  readonly workerId: string;
  readonly fetch?: typeof fetch;
}

interface Call {
  readonly method?: 'GET' | 'POST';
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal: AbortSignal;
}
const answerMs = 30_000;
/** Enough for a page of a thousand events, each with a tool's output. */
const jsonLimits: JsonLimits = { maxBytes: 128 * 2 ** 20, maxDepth: 200, maxValues: 1_000_000 };

export class AgentsApi {
  readonly #options: AgentsApiOptions;

  constructor(options: AgentsApiOptions) {
    this.#options = { ...options, url: trimEndCharacters(options.url, '/') };
  }

  withKey(key: string): AgentsApi {
    return new AgentsApi({ ...this.#options, key });
  }

  /** Resolves with undefined if no item arrives within a second. */
  async poll(environmentId: string, signal: AbortSignal): Promise<EnvironmentWork | undefined> {
    const query = { block_ms: '999', reclaim_older_than_ms: '5000' };
    const found = await this.#json(`environments/${environmentId}/work/poll`, EnvironmentWork.nullable(), {
      query,
      signal,
    });
    return found ?? undefined;
  }

  /** Undefined if the key is accepted or the reason for the refusal is unknown. */
  async keyRefusal(environmentId: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#ask(`environments/${environmentId}/work/stats`, { signal });
    } catch (error) {
      if (error instanceof AgentsApiError && error.isUnauthorized) return error.message;
    }
    return undefined;
  }

  async acknowledge(work: EnvironmentWork, signal: AbortSignal): Promise<void> {
    await this.#ask(`${pathOf(work)}/ack`, { method: 'POST', signal });
  }

  /** `last`: the previous heartbeat's result. Rejects with 412 if another worker has the lease. */
  heartbeat(work: EnvironmentWork, last: string | undefined, signal: AbortSignal): Promise<Heartbeat> {
    const query = { expected_last_heartbeat: last ?? 'NO_HEARTBEAT' };
    return this.#json(`${pathOf(work)}/heartbeat`, Heartbeat, { method: 'POST', query, signal });
  }

  /** Succeeds even if the item has already been stopped. */
  async stop(work: EnvironmentWork, signal: AbortSignal): Promise<void> {
    await this.#ask(`${pathOf(work)}/stop`, { method: 'POST', body: { force: true }, signal }).catch(
      (error: unknown) => {
        if (!(error instanceof AgentsApiError && error.status === 409)) throw error;
      },
    );
  }

  session(id: string, signal: AbortSignal): Promise<AgentSession> {
    return this.#json(`sessions/${id}`, AgentSession, { signal });
  }

  /** Oldest event first. */
  async *events(sessionId: string, signal: AbortSignal): AsyncGenerator<AgentEvent, void> {
    let page: string | undefined;
    do {
      const query = { limit: '1000', order: 'asc', ...(page !== undefined && { page }) };
      const answer = await this.#json(`sessions/${sessionId}/events`, Page, { query, signal });
      yield* answer.data;
      page = answer.next_page ?? undefined;
    } while (page !== undefined);
  }

  /** Resolves once the stream is open. Yields every event after that moment. */
  async stream(sessionId: string, signal: AbortSignal): Promise<AsyncGenerator<AgentEvent, void>> {
    const { body } = await this.#ask(`sessions/${sessionId}/events/stream`, { signal }, { mayLast: true });
    return readFrames(body, AgentEvent);
  }

  async send(sessionId: string, events: readonly object[], signal: AbortSignal): Promise<void> {
    await this.#ask(`sessions/${sessionId}/events`, { method: 'POST', body: { events }, signal });
  }

  /** The `archive` is a zip file, or a tar file with any compression. */
  async skill(skillId: string, version: string, signal: AbortSignal): Promise<{ name: string; archive: Uint8Array }> {
    const Version = z.object({ id: Id, name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/) });
    const at = `skills/${skillId}/versions`;
    const { id, name } = await this.#json(`${at}/${encodeURIComponent(version)}`, Version, { signal });
    const answer = await this.#ask(`${at}/${id}/content`, { signal });
    return { name, archive: new Uint8Array(await answer.arrayBuffer()) };
  }

  async #json<Shape extends z.ZodType>(path: string, shape: Shape, call: Call): Promise<z.infer<Shape>> {
    const answer = await this.#ask(path, call);
    const text = await answer.text();
    try {
      return shape.parse(parseJsonWithinLimits(text, jsonLimits));
    } catch (cause) {
      throw new Error(`${this.#options.url} does not answer ${path} as the Managed Agents API does.`, { cause });
    }
  }

  async #ask(path: string, { method = 'GET', query, body, signal }: Call, { mayLast = false } = {}): Promise<Response> {
    const { url, key, workerId, fetch: ask = fetch } = this.#options;
    const search = query ? `?${new URLSearchParams(query)}` : '';
    const headers = {
      authorization: `Bearer ${key}`,
      'anthropic-version': '2026-10-21',
      'anthropic-beta': 'managed-agents-2026-04-01',
      'anthropic-worker-id': workerId,
      ...(body && { 'content-type': 'application/json' }),
    };
    const eitherSignal = mayLast ? signal : combineSignals([signal, AbortSignal.timeout(answerMs)]);
    const init = {
      method,
      headers,
      signal: eitherSignal,
      redirect: 'error' as const,
      ...(body && { body: JSON.stringify(body) }),
    };
    const answer = await ask(`${url}/v1/${path}${search}`, init).catch((cause: unknown) => {
      if (signal.aborted) throw cause;
      throw new AgentsApiError(0, `${url} cannot be reached.`);
    });
    if (answer.ok) return answer;
    const reply = ErrorBody.safeParse(parseJsonWithinLimits(await answer.text().catch(() => ''), jsonLimits));
    const text = reply.success ? reply.data.error.message : `The server answers ${answer.status}.`;
    throw new AgentsApiError(answer.status, text);
  }
}

const pathOf = ({ id, environment_id }: EnvironmentWork): string => `environments/${environment_id}/work/${id}`;

const Secret = z.object({ sessions_token: z.string().min(1) });

export function parseSessionKey({ secret }: EnvironmentWork): string | undefined {
  if (!secret) return undefined;
  try {
    return Secret.parse(parseJsonWithinLimits(Buffer.from(secret, 'base64url').toString('utf8'), jsonLimits))
      .sessions_token;
  } catch {
    return undefined;
  }
}

export async function retryApiCall<Value>(work: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 30_000)) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof AgentsApiError) || !error.isTransient) throw error;
    }
    await sleep(waitMs * (0.5 + Math.random() / 2), signal);
  }
}

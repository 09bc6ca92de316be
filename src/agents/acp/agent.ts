import {
  type ClientConnection,
  client,
  methods,
  type PermissionOption,
  type PromptRequest,
  RequestError,
  type RequestPermissionResponse,
} from '@agentclientprotocol/sdk';
import { z } from 'zod';
import { combineSignals, raceAbort } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { AgentApprovalRequest, AgentStreamEnd, AgentUpdate } from '../../core/model/agent-updates.ts';
import { AcpToolCalls } from './calls.ts';
import type { ProgramStream } from './program-stream.ts';
import { type AgentStreamItem, toAgentUpdates } from './updates.ts';

const count = z.number().nonnegative();
const quota = z.object({ token_count: z.object({ input_tokens: count, output_tokens: count }) });
/** Some agents use `usage`, as in the protocol's draft; Gemini CLI uses `_meta.quota`. */
const Answer = z.object({
  usage: z.object({ totalTokens: count }).optional().catch(undefined),
  _meta: z.object({ quota }).optional().catch(undefined),
});
interface Report {
  readonly used: number;
  readonly cost?: { readonly amount: number; readonly currency: string } | null | undefined;
}

/** Counts only new spending, because reports include earlier spending. */
export class SpendingCounter {
  #tokens = 0; // per message
  #cost = 0; // per agent session

  begin(): void {
    this.#tokens = 0;
  }

  /** `used`: the size of the whole conversation in tokens. The message used at least that many. */
  reported({ used, cost }: Report): readonly AgentUpdate[] {
    return this.#more(used, cost?.currency === 'USD' ? cost.amount : undefined);
  }

  answered(answer: unknown): readonly AgentUpdate[] {
    const { usage, _meta } = Answer.safeParse(answer).data ?? {};
    const { input_tokens: input = 0, output_tokens: output = 0 } = _meta?.quota.token_count ?? {};
    return this.#more(usage?.totalTokens ?? input + output, undefined);
  }

  #more(tokens: number, cost: number | undefined): readonly AgentUpdate[] {
    const more = { tokens: Math.max(0, tokens - this.#tokens), cost: cost && Math.max(0, cost - this.#cost) };
    this.#tokens += more.tokens;
    this.#cost += more.cost ?? 0;
    return more.tokens > 0 || more.cost ? [{ kind: 'spent', ...more }] : [];
  }
}

const name = z.string().min(1).max(200);
const option = z.object({ category: z.string(), currentValue: name });
const spent = z.object({ model: name, token_count: z.unknown() });
const Message = z.object({
  models: z.object({ currentModelId: name }).optional().catch(undefined),
  configOptions: z.array(z.unknown()).optional().catch(undefined),
  _meta: z
    .object({
      '_claude/model': name.optional().catch(undefined),
      quota: z
        .object({ model_usage: z.array(spent).max(20) })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
const unknownModels = new Set(['default', 'auto']);

export function findModelName(message: unknown): string | undefined {
  const { models, configOptions = [], _meta } = Message.safeParse(message).data ?? {};
  const chosen = configOptions.map((one) => option.safeParse(one).data).find((one) => one?.category === 'model');
  const text =
    _meta?.['_claude/model'] ??
    _meta?.quota?.model_usage.at(-1)?.model ??
    models?.currentModelId ??
    chosen?.currentValue;
  return text === undefined || unknownModels.has(text) ? undefined : text;
}

const maxWaiting = 500;
const maxUpdates = 200_000; // per prompt
const startMs = 60_000;
const stopMs = 1_000;
const maxPending = 100; // approval requests
const maxEchoes = 2_000;

export class AcpAgent {
  readonly #program: ProgramStream;
  readonly #connection: ClientConnection;
  readonly #calls: AcpToolCalls;
  readonly #spending = new SpendingCounter();
  readonly #permissions = new Map<string, (allowed: boolean) => void>();
  #queue: AgentStreamItem[] = [];
  #wake = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  #sessionId = '';
  #prompt: object | undefined;
  #updates = 0;
  #isLoading = false;
  #echoed = false;
  #model: string | undefined;
  #asking: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** A decision on a call that an earlier process of this agent requested. */
  #carried: { readonly call: AgentApprovalRequest; readonly allowed: boolean } | undefined;
  /** Why the program ended. Undefined while it runs. */
  ended: string | undefined;

  constructor(program: ProgramStream, newId: () => string) {
    this.#program = program;
    this.#calls = new AcpToolCalls(newId);
    this.#connection = client({ name: 'corral' })
      .onNotification(methods.client.session.update, ({ params }) => {
        if (params.sessionId !== this.#sessionId) return;
        const { update } = params;
        const spent = update.sessionUpdate === 'usage_update' ? this.#spending.reported(update) : [];
        this.#echoed = true;
        if (!this.#isLoading)
          this.#receiveUpdates([...toAgentUpdates(update, this.#calls), ...this.#named(update), ...spent]);
      })
      .onRequest(methods.client.session.requestPermission, ({ params }) =>
        this.#requestApproval(params.toolCall, params.options),
      )
      .connect(program.stream);
    void program.ended.then((why) => this.#end(why));
  }

  async room(): Promise<void> {
    while (this.#queue.length > maxWaiting && this.ended === undefined) await this.#room.promise;
  }

  get model(): string | undefined {
    return this.#model;
  }

  get isWorking(): boolean {
    return this.#prompt !== undefined && this.ended === undefined;
  }

  /** Also true while unread output remains after the agent has finished. */
  get isBusy(): boolean {
    return this.isWorking || (this.ended === undefined && this.#queue.length > 0);
  }

  /** Resolves with the session's id. `lost`: why the known session was not resumed. */
  async open(
    { cwd, known, auth, mode, resume }: OpenOptions,
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly lost?: string }> {
    const ask = this.#connection.agent;
    const until = combineSignals([signal, AbortSignal.timeout(startMs)]);
    const timely = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
      const gone = this.#program.ended.then((why) => {
        throw new AppError('agent_failed', `The agent did not start: ${why}.`);
      });
      return await raceAbort(Promise.race([answer, gone]), until);
    };
    const setMode = async (sessionId: string) => {
      if (mode !== undefined) await timely(ask.request(methods.agent.session.setMode, { sessionId, modeId: mode }));
    };
    const { agentCapabilities } = await timely(
      ask.request(methods.agent.initialize, {
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      }),
    );
    if (auth !== undefined) await timely(ask.request(methods.agent.authenticate, { methodId: auth }));
    let lost: string | undefined;
    if (known !== undefined && resume === 'summary') lost = 'its template begins a new session';
    else if (known !== undefined && agentCapabilities?.loadSession !== true) lost = 'it cannot load a session';
    else if (known !== undefined) {
      this.#isLoading = true; // the agent replays the whole conversation
      this.#sessionId = known;
      const loaded = await timely(
        ask.request(methods.agent.session.load, { sessionId: known, cwd, mcpServers: [] }),
      ).catch((thrown) => {
        if (!(thrown instanceof RequestError)) throw thrown;
        lost = reasonOf(thrown);
      });
      if (lost === undefined) await timely(this.#endOfHistory());
      this.#isLoading = false;
      if (lost === undefined) {
        this.#model = findModelName(loaded) ?? this.#model;
        await setMode(known);
        return { id: known };
      }
    }
    const created = await timely(ask.request(methods.agent.session.new, { cwd, mcpServers: [] }));
    this.#sessionId = created.sessionId;
    this.#model = findModelName(created) ?? this.#model;
    await setMode(created.sessionId);
    return { id: created.sessionId, ...(lost !== undefined && { lost }) };
  }

  /** Some agents replay the conversation after answering `session/load`. Two echoes without an update mark the end. */
  async #endOfHistory(): Promise<void> {
    let quiet = 0;
    for (let echoes = 0; quiet < 2 && echoes < maxEchoes; echoes++) {
      this.#echoed = false;
      await this.#connection.agent.request('_corral/echo', {}).catch(() => {}); // an error response also counts as an answer
      quiet = this.#echoed ? 0 : quiet + 1;
    }
  }

  prompt(text: string): void {
    const own = {};
    this.#prompt = own;
    this.#updates = 0;
    this.#spending.begin();
    const promptRequest: PromptRequest = { sessionId: this.#sessionId, prompt: [{ type: 'text', text }] };
    const over = (pause: AgentStreamEnd) => {
      if (this.#prompt !== own) return;
      this.#prompt = undefined;
      this.#push(pause);
    };
    void this.#connection.agent.request(methods.agent.session.prompt, promptRequest).then(
      (answer) => {
        const { stopReason } = answer;
        if (this.#prompt === own) this.#receiveUpdates([...this.#named(answer), ...this.#spending.answered(answer)]);
        if (stopReason === 'refusal') over(failed('The agent refused to continue this conversation.'));
        else over({ kind: 'replied', ...(stopReason === 'cancelled' && { isCut: true }) });
      },
      (thrown: Error) => over(failed(`The agent failed: ${reasonOf(thrown)}`)),
    );
  }

  async next(signal: AbortSignal): Promise<AgentStreamItem> {
    for (;;) {
      const item = this.#queue.shift();
      if (item) {
        this.#room.resolve();
        this.#room = Promise.withResolvers();
        return item;
      }
      if (this.ended !== undefined) return failed(`The agent stopped: ${this.ended}.`);
      await raceAbort(this.#wake.promise, signal);
    }
  }

  async cancel(): Promise<void> {
    for (const answer of this.#permissions.values()) answer(false);
    if (!this.isWorking) return;
    await this.#connection.agent.notify(methods.agent.session.cancel, { sessionId: this.#sessionId }).catch(() => {});
  }

  decide(callId: string, allowed: boolean): boolean {
    const answer = this.#permissions.get(callId);
    answer?.(allowed);
    return answer !== undefined;
  }

  /** Keeps the decision until the agent repeats its request. */
  carry(call: AgentApprovalRequest, allowed: boolean): void {
    this.#carried = { call, allowed };
  }

  async close(): Promise<void> {
    await Promise.race([this.cancel(), new Promise((resolve) => setTimeout(resolve, stopMs / 4).unref())]);
    this.#connection.close();
    await this.#program.close();
  }

  async #requestApproval(
    toolCall: Parameters<AcpToolCalls['requestApproval']>[0],
    options: readonly PermissionOption[],
  ): Promise<RequestPermissionResponse> {
    if (this.#waiting >= maxPending) return cancelled;
    this.#waiting += 1;
    const turn = this.#asking.then(() => this.#ask(toolCall, options));
    this.#asking = turn.catch(() => {});
    return await turn.finally(() => {
      this.#waiting -= 1;
    });
  }

  async #ask(
    toolCall: Parameters<AcpToolCalls['requestApproval']>[0],
    options: readonly PermissionOption[],
  ): Promise<RequestPermissionResponse> {
    if (!this.isWorking) return cancelled;
    const call = this.#calls.requestApproval(toolCall);
    const allowed = this.#decidedBefore(call) ?? (await this.#decision(call));
    const requested = allowed ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
    const option = requested.flatMap((kind) => options.find((one) => one.kind === kind) ?? [])[0];
    return option ? { outcome: { outcome: 'selected', optionId: option.optionId } } : cancelled;
  }

  async #decision(call: AgentApprovalRequest): Promise<boolean> {
    const decided = Promise.withResolvers<boolean>();
    this.#permissions.set(call.callId, decided.resolve);
    const { title } = call.args;
    this.#push({ kind: 'asks', call, title: typeof title === 'string' ? title : call.name });
    const allowed = await decided.promise;
    this.#permissions.delete(call.callId);
    return allowed;
  }

  #decidedBefore(call: AgentApprovalRequest): boolean | undefined {
    const carried = this.#carried;
    if (!carried || !isSameCall(carried.call, call)) return undefined;
    this.#carried = undefined;
    return carried.allowed;
  }

  #named(message: unknown): readonly AgentUpdate[] {
    const name = findModelName(message);
    if (name === undefined || name === this.#model) return [];
    this.#model = name;
    return [{ kind: 'model', name }];
  }

  #receiveUpdates(updates: readonly AgentUpdate[]): void {
    if (!this.isWorking) return;
    this.#updates += updates.length;
    if (this.#updates > maxUpdates) this.#end(`it sent more than ${maxUpdates} updates for one message`);
    else for (const update of updates) this.#push(update);
  }

  #push(item: AgentStreamItem): void {
    this.#queue.push(item);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  #end(why: string): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    this.#prompt = undefined;
    for (const answer of this.#permissions.values()) answer(false);
    this.#room.resolve();
    this.#wake.resolve();
    this.#connection.close();
    void this.#program.close();
  }
}

interface OpenOptions {
  readonly cwd: string;
  readonly known?: string | undefined;
  readonly auth?: string | undefined;
  readonly mode?: string | undefined;
  readonly resume?: 'session' | 'summary' | undefined;
}
const cancelled: RequestPermissionResponse = { outcome: { outcome: 'cancelled' } };

function reasonOf(thrown: Error): string {
  const { details } = ((thrown as { data?: unknown }).data ?? {}) as { details?: unknown };
  const message = typeof details === 'string' ? `${thrown.message}: ${details}` : thrown.message;
  return message.slice(0, 500);
}

/** Call ids and titles may differ between two requests for the same action. */
function isSameCall(a: AgentApprovalRequest, b: AgentApprovalRequest): boolean {
  if (a.name !== b.name) return false;
  if (typeof a.args.command === 'string' || typeof b.args.command === 'string')
    return a.args.command === b.args.command && a.args.cwd === b.args.cwd;
  if (a.content ?? b.content)
    return a.args.path === b.args.path && JSON.stringify(a.content) === JSON.stringify(b.content);
  return JSON.stringify(a.args) === JSON.stringify(b.args);
}

const failed = (message: string): AgentStreamEnd => ({ kind: 'failed', code: 'agent_failed', message });

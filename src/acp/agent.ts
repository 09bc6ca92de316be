import {
  type ClientConnection,
  client,
  methods,
  type PermissionOption,
  type PromptRequest,
  RequestError,
  type RequestPermissionResponse,
} from '@agentclientprotocol/sdk';
import type { AgentPause, AgentUpdate } from '../core/agent-updates.ts';
import { orAborted } from '../core/cancel.ts';
import { AppError } from '../core/errors.ts';
import type { ProgramStream } from './program-stream.ts';
import { Spending } from './spending.ts';
import { Calls, type Item, updateOf } from './updates.ts';

const mostWaiting = 500;
const mostUpdates = 200_000; // in one prompt
const startMs = 60_000;
const stopMs = 1_000;

/** One agent at work in a sandbox, from its start to its end. */
export class AcpAgent {
  readonly #program: ProgramStream;
  readonly #connection: ClientConnection;
  readonly #calls: Calls;
  readonly #spending = new Spending();
  readonly #permissions = new Map<string, (allowed: boolean) => void>();
  #queue: Item[] = [];
  #wake = Promise.withResolvers<void>();
  #room = Promise.withResolvers<void>();
  #sessionId = '';
  #prompt: object | undefined;
  #updates = 0;
  #isLoading = false;
  #canLoad = false;
  /** Why the program is gone. */
  ended: string | undefined;

  constructor(program: ProgramStream, newId: () => string) {
    this.#program = program;
    this.#calls = new Calls(newId);
    this.#connection = client({ name: 'corral' })
      .onNotification(methods.client.session.update, ({ params }) => {
        if (params.sessionId !== this.#sessionId) return;
        const { update } = params;
        const spent = update.sessionUpdate === 'usage_update' ? this.#spending.reported(update) : [];
        if (!this.#isLoading) this.#heard([...updateOf(update, this.#calls), ...spent]);
      })
      .onRequest(methods.client.session.requestPermission, ({ params }) => this.#asked(params.toolCall, params.options))
      .connect(program.stream);
    void program.ended.then((why) => this.#end(why));
  }

  /** Resolves when the program may send more. */
  async room(): Promise<void> {
    while (this.#queue.length > mostWaiting && this.ended === undefined) await this.#room.promise;
  }

  get isWorking(): boolean {
    return this.#prompt !== undefined && this.ended === undefined;
  }

  /** Whether it works, or has said something that nobody has heard: it can end its work before anybody listens. */
  get isBusy(): boolean {
    return this.isWorking || (this.ended === undefined && this.#queue.length > 0);
  }

  /** Begins a session, or continues the known one where the agent can. Resolves with its id. */
  async open(
    {
      cwd,
      known,
      auth,
    }: { readonly cwd: string; readonly known?: string | undefined; readonly auth?: string | undefined },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly isLoaded: boolean }> {
    const ask = this.#connection.agent;
    const until = AbortSignal.any([signal, AbortSignal.timeout(startMs)]);
    const timely = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
      const gone = this.#program.ended.then((why) => {
        throw new AppError('agent_failed', `The agent did not start: ${why}.`);
      });
      return await orAborted(Promise.race([answer, gone]), until);
    };
    const { agentCapabilities } = await timely(
      ask.request(methods.agent.initialize, {
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      }),
    );
    this.#canLoad = agentCapabilities?.loadSession === true;
    if (auth !== undefined) await timely(ask.request(methods.agent.authenticate, { methodId: auth }));
    if (known !== undefined && this.#canLoad) {
      this.#isLoading = true; // the agent repeats the whole conversation, which the log has
      this.#sessionId = known;
      const loaded = await timely(
        ask.request(methods.agent.session.load, { sessionId: known, cwd, mcpServers: [] }),
      ).then(
        () => true,
        (thrown) => {
          if (!(thrown instanceof RequestError)) throw thrown;
          return false; // the agent does not know it any more
        },
      );
      this.#isLoading = false;
      if (loaded) return { id: known, isLoaded: true };
    }
    const made = await timely(ask.request(methods.agent.session.new, { cwd, mcpServers: [] }));
    this.#sessionId = made.sessionId;
    return { id: made.sessionId, isLoaded: false };
  }

  /** Gives the agent a message; its updates and end follow from `next`. */
  prompt(text: string): void {
    const own = {};
    this.#prompt = own;
    this.#updates = 0;
    this.#spending.begin();
    const wish: PromptRequest = { sessionId: this.#sessionId, prompt: [{ type: 'text', text }] };
    const over = (pause: AgentPause) => {
      if (this.#prompt !== own) return;
      this.#prompt = undefined;
      this.#push(pause);
    };
    void this.#connection.agent.request(methods.agent.session.prompt, wish).then(
      (answer) => {
        const { stopReason } = answer;
        if (this.#prompt === own) this.#heard(this.#spending.answered(answer));
        if (stopReason === 'refusal') over(failed('The agent refused to go on with this conversation.'));
        else over({ kind: 'said', ...(stopReason === 'cancelled' && { isCut: true }) });
      },
      (thrown: Error) => over(failed(`The agent failed: ${thrown.message.slice(0, 500)}`)),
    );
  }

  /** The next update or pause. Rejects when the signal fires. */
  async next(signal: AbortSignal): Promise<Item> {
    for (;;) {
      const item = this.#queue.shift();
      if (item) {
        this.#room.resolve();
        this.#room = Promise.withResolvers();
        return item;
      }
      if (this.ended !== undefined) return failed(`The agent is gone: ${this.ended}.`);
      await orAborted(this.#wake.promise, signal);
    }
  }

  /** Asks the agent to end its work on the present message. */
  async cancel(): Promise<void> {
    for (const answer of this.#permissions.values()) answer(false);
    if (!this.isWorking) return;
    await this.#connection.agent.notify(methods.agent.session.cancel, { sessionId: this.#sessionId }).catch(() => {});
  }

  /** Answers a request for permission. False: nobody waits for it. */
  decide(callId: string, allowed: boolean): boolean {
    const answer = this.#permissions.get(callId);
    answer?.(allowed);
    return answer !== undefined;
  }

  async close(): Promise<void> {
    await Promise.race([this.cancel(), new Promise((resolve) => setTimeout(resolve, stopMs / 4).unref())]);
    this.#connection.close();
    await this.#program.close();
  }

  async #asked(
    toolCall: Parameters<Calls['asked']>[0],
    options: readonly PermissionOption[],
  ): Promise<RequestPermissionResponse> {
    if (!this.isWorking || this.#permissions.size > 0) return { outcome: { outcome: 'cancelled' } };
    const { call } = this.#calls.asked(toolCall);
    const decided = Promise.withResolvers<boolean>();
    this.#permissions.set(call.callId, decided.resolve);
    this.#push({ kind: 'asks', call, title: (toolCall.title ?? call.name).slice(0, 500) });
    const allowed = await decided.promise;
    this.#permissions.delete(call.callId);
    const wanted = allowed ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
    const option = wanted.flatMap((kind) => options.find((one) => one.kind === kind) ?? [])[0];
    return { outcome: option ? { outcome: 'selected', optionId: option.optionId } : { outcome: 'cancelled' } };
  }

  #heard(updates: readonly AgentUpdate[]): void {
    if (!this.isWorking) return; // an agent that talks unasked is not heard
    this.#updates += updates.length;
    if (this.#updates > mostUpdates) this.#end(`it sent more than ${mostUpdates} updates for one message`);
    else for (const update of updates) this.#push(update);
  }

  #push(item: Item): void {
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

const failed = (message: string): AgentPause => ({ kind: 'failed', code: 'agent_failed', message });

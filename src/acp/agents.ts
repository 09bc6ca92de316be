import { z } from 'zod';
import type { AgentPause, AgentUpdate, OwnTurn } from '../core/agent-updates.ts';
import { deadline } from '../core/cancel.ts';
import type { Clock } from '../core/clock.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { RecordStore } from '../core/ports.ts';
import type { SandboxClient } from '../sandbox/client.ts';
import type { AcpAgent } from './agent.ts';
import { programStream } from './program-stream.ts';
import { isPause } from './updates.ts';

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly clock: Clock;
  readonly newId: () => string;
}
interface Resting extends Pick<OwnTurn, 'silenceMs'> {
  readonly hear: (update: AgentUpdate) => Promise<void>;
  readonly signal: AbortSignal;
}
const kind = 'acp-session';
const Stored = z.object({ acpSession: z.string() });
const programId = 'acp-agent';

/** The agents that work in sandboxes with a loop of their own. Each lives as long as the connection to its sandbox. */
export class AcpAgents {
  readonly #deps: Deps;
  readonly #agents = new Map<SandboxClient, AcpAgent>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Lets the agent work until it has answered, asks a person, or fails. It fails as a value; the method rejects only when
   * the signal fires, and then the agent has been ended.
   */
  async turn(
    client: SandboxClient,
    wish: OwnTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentPause> {
    try {
      const busy = wish.texts.length > 0 ? this.#agents.get(client) : undefined;
      if (busy?.isBusy) await this.#rest(busy, { hear, silenceMs: wish.silenceMs, signal });
      const agent = await this.#working(client, wish, signal);
      await wish.given();
      for (;;) {
        using until = deadline(wish.silenceMs, this.#deps.clock, signal);
        const item = await agent.next(until.signal);
        if (item.kind === 'failed') await this.end(client);
        if (isPause(item)) return item;
        await hear(item);
      }
    } catch (thrown) {
      await this.end(client);
      if (signal.aborted) throw thrown;
      const { code, publicMessage } = toAppError(thrown);
      const seconds = Math.round(wish.silenceMs / 1_000);
      const hung =
        code === 'deadline_exceeded' ? `The agent said nothing for ${seconds} s, or did not start in time.` : '';
      return { kind: 'failed', code: 'agent_failed', message: hung || publicMessage };
    }
  }

  /** Ends the agent's work on its present message, so that it takes the next one. */
  interrupt(client: SandboxClient): void {
    void this.#agents.get(client)?.cancel();
  }

  decide(client: SandboxClient, callId: string, allowed: boolean): void {
    this.#agents.get(client)?.decide(callId, allowed);
  }

  /** Ends the agent with everything that it started. */
  async end(client: SandboxClient): Promise<void> {
    const agent = this.#agents.get(client);
    this.#agents.delete(client);
    await agent?.close();
  }

  /** For a sandbox whose own connection has ended. */
  release(client: SandboxClient): void {
    void this.end(client);
  }

  /** Ends the agent's present work, because it takes one message at a time. */
  async #rest(agent: AcpAgent, { hear, silenceMs, signal }: Resting): Promise<void> {
    using until = deadline(silenceMs, this.#deps.clock, signal);
    await agent.cancel();
    for (;;) {
      const item = await agent.next(until.signal);
      if (isPause(item)) return;
      await hear(item);
    }
  }

  /** The agent with its message: the one that works, or a new one. */
  async #working(client: SandboxClient, wish: OwnTurn, signal: AbortSignal): Promise<AcpAgent> {
    const known = this.#agents.get(client);
    const { texts, instructions, sessionId } = wish;
    if (known && known.ended === undefined) {
      if (texts.length > 0) known.prompt(texts.join('\n\n'));
      if (texts.length > 0 || known.isBusy) return known;
    }
    await this.end(client);
    const stored = Stored.safeParse((await this.#deps.records.get(kind, sessionId))?.doc).data?.acpSession;
    const { agent, id, isLoaded } = await this.#start(client, wish, { stored, signal });
    if (id !== stored) await this.#deps.records.put({ kind, id: sessionId, doc: { acpSession: id } });
    if (texts.length > 0) {
      agent.prompt([...(isLoaded || instructions === undefined ? [] : [instructions]), ...texts].join('\n\n'));
    } else if (isLoaded) {
      agent.prompt(`You were interrupted. Look at what is done already, and go on with the task: ${wish.task}`);
    } else {
      await this.end(client);
      throw new AppError(
        'agent_failed',
        'The agent was interrupted, and it cannot go on with an earlier conversation.',
      );
    }
    return agent;
  }

  async #start(
    client: SandboxClient,
    { agent: { command, auth }, cwd, runId }: OwnTurn,
    { stored, signal }: { readonly stored: string | undefined; readonly signal: AbortSignal },
  ) {
    const { AcpAgent: Agent } = await import('./agent.ts'); // late: its protocol has 2,000 schemas, and few servers need it
    let made: AcpAgent | undefined;
    const program = { id: programId, argv: command, cwd, tag: runId };
    const stream = await programStream(client.programs, program, { room: async () => made?.room(), signal });
    const agent = new Agent(stream, this.#deps.newId);
    made = agent;
    this.#agents.set(client, agent);
    const opened = await agent.open({ cwd, known: stored, auth }, signal);
    return { agent, ...opened };
  }
}

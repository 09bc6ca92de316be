import { z } from 'zod';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type {
  AgentApprovalRequest,
  AgentStreamEnd,
  AgentUpdate,
  ExternalTurn,
} from '../../core/model/agent-updates.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { AcpAgent } from './agent.ts';
import { openProgramStream } from './program-stream.ts';
import { isAgentStreamEnd } from './updates.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'newId'> {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
}
interface TurnListener extends Pick<ExternalTurn, 'silenceMs'> {
  readonly hear: (update: AgentUpdate) => Promise<void>;
  readonly signal: AbortSignal;
}
const kind = 'acp-session';
const Stored = z.object({ acpSession: z.string() });
const programId = 'acp-agent';

export class AcpAgents extends ServerComponent<Deps> {
  readonly #agents = new Map<SandboxClient, AcpAgent>();
  /** Decisions made while no agent was waiting for them, for example after a server restart. */
  readonly #carried = new WeakMap<SandboxClient, { readonly call: AgentApprovalRequest; readonly allowed: boolean }>();

  /** Rejects only if the signal aborts, and returns other failures as results. Ends the agent in both cases. */
  async turn(
    client: SandboxClient,
    externalTurn: ExternalTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AgentStreamEnd> {
    try {
      const busy = externalTurn.texts.length > 0 ? this.#agents.get(client) : undefined;
      if (busy?.isBusy) await this.#rest(busy, { hear, silenceMs: externalTurn.silenceMs, signal });
      const agent = await this.#working(client, externalTurn, hear, signal);
      await externalTurn.onDelivered();
      if (agent.model !== undefined) await hear({ kind: 'model', name: agent.model });
      for (;;) {
        using until = createTimeoutSignal(externalTurn.silenceMs, this.deps.clock, signal);
        const item = await agent.next(until.signal);
        if (item.kind === 'failed') await this.end(client);
        if (isAgentStreamEnd(item)) return item;
        await hear(item);
      }
    } catch (thrown) {
      await this.end(client);
      if (signal.aborted) throw thrown;
      const { code, publicMessage } = toAppError(thrown);
      const seconds = Math.round(externalTurn.silenceMs / 1_000);
      const hung =
        code === 'deadline_exceeded' ? `The agent sent nothing for ${seconds} s, or did not start in time.` : '';
      return { kind: 'failed', code: 'agent_failed', message: hung || publicMessage };
    }
  }

  interrupt(client: SandboxClient): void {
    void this.#agents.get(client)?.cancel();
  }

  /** If the agent has stopped, keeps the decision until the request is repeated. */
  decide(client: SandboxClient, call: AgentApprovalRequest, allowed: boolean): void {
    if (!this.#agents.get(client)?.decide(call.callId, allowed)) this.#carried.set(client, { call, allowed });
  }

  async end(client: SandboxClient): Promise<void> {
    const agent = this.#agents.get(client);
    this.#agents.delete(client);
    await agent?.close();
  }

  release(client: SandboxClient): void {
    void this.end(client);
  }

  /** Stops the agent's current work, because an agent accepts one message at a time. */
  async #rest(agent: AcpAgent, { hear, silenceMs, signal }: TurnListener): Promise<void> {
    using until = createTimeoutSignal(silenceMs, this.deps.clock, signal);
    await agent.cancel();
    for (;;) {
      const item = await agent.next(until.signal);
      if (isAgentStreamEnd(item)) return;
      await hear(item);
    }
  }

  async #working(
    client: SandboxClient,
    externalTurn: ExternalTurn,
    hear: (update: AgentUpdate) => Promise<void>,
    signal: AbortSignal,
  ): Promise<AcpAgent> {
    const known = this.#agents.get(client);
    const { texts, instructions, sessionId } = externalTurn;
    if (known && known.ended === undefined) {
      if (texts.length > 0) known.prompt(texts.join('\n\n'));
      if (texts.length > 0 || known.isBusy) return known;
    }
    await this.end(client);
    const stored = Stored.safeParse((await this.deps.records.get(kind, sessionId))?.doc).data?.acpSession;
    const { agent, id, lost } = await this.#start(client, externalTurn, { stored, signal });
    const isLoaded = stored !== undefined && lost === undefined;
    const carried = this.#carried.get(client);
    this.#carried.delete(client);
    if (texts.length === 0 && !isLoaded) {
      await this.end(client);
      const why = lost === undefined ? '' : `: ${lost}`;
      throw new AppError('agent_failed', `The agent was interrupted, and it cannot continue its conversation${why}.`);
    }
    if (id !== stored) await this.deps.records.put({ kind, id: sessionId, doc: { acpSession: id } });
    if (carried) agent.carry(carried.call, carried.allowed);
    if (texts.length === 0) {
      const verdict = carried ? decisionText(carried) : '';
      agent.prompt(
        `You were interrupted. Check what is already done, and continue with the task: ${externalTurn.task}${verdict}`,
      );
      return agent;
    }
    const before = isLoaded || instructions === undefined ? [] : [instructions];
    if (lost !== undefined) {
      const detail = `The agent lost its conversation (${lost}). It continues with a summary of it.`;
      await hear({ kind: 'forgot', detail });
      before.push(externalTurn.history());
    }
    agent.prompt([...before, ...texts].filter((text) => text !== '').join('\n\n'));
    return agent;
  }

  async #start(
    client: SandboxClient,
    { agent: { command, auth, mode, resume }, cwd, runId }: ExternalTurn,
    { stored, signal }: { readonly stored: string | undefined; readonly signal: AbortSignal },
  ) {
    const { AcpAgent: Agent } = await import('./agent.ts'); // lazy: the ACP SDK contains 2,000 schemas
    let created: AcpAgent | undefined;
    const program = { id: programId, argv: command, cwd, tag: runId };
    const stream = await openProgramStream(client.programs, program, { room: async () => created?.room(), signal });
    const agent = new Agent(stream, this.deps.newId);
    created = agent;
    this.#agents.set(client, agent);
    const opened = await agent.open({ cwd, known: stored, auth, mode, resume }, signal);
    return { agent, ...opened };
  }
}

const decisionText = ({
  call,
  allowed,
}: {
  readonly call: AgentApprovalRequest;
  readonly allowed: boolean;
}): string => {
  const { command, title } = call.args;
  const deed = String(command ?? title ?? call.name);
  return `\n\nA person has ${allowed ? 'permitted' : 'refused'} this call of yours in the meantime: ${deed}`;
};

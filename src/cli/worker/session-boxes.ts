import type { NewBox } from '../../client/corral.ts';
import type { Box, Corral } from '../../client/index.ts';
import { type AgentSession, type AgentsApi, AgentsApiError } from './agents-api.ts';

const names = { session: 'managed-agents.session', environment: 'managed-agents.environment' } as const;

export type WorkerBoxOptions = Pick<NewBox, 'template' | 'idleTimeout' | 'egress' | 'size' | 'projectId'>;

/** One box per Managed Agents session, found by the box's metadata. */
export class SessionBoxes {
  readonly #corral: Corral;
  readonly #environmentId: string;
  readonly #choice: WorkerBoxOptions;

  constructor(corral: Corral, environmentId: string, choice: WorkerBoxOptions = {}) {
    this.#corral = corral;
    this.#environmentId = environmentId;
    this.#choice = choice;
  }

  /** If the lease changes hands during this call, both holders get the same box. */
  async open({ id, title }: AgentSession): Promise<Box> {
    const found = await this.#oldest(id);
    if (found !== undefined) return await this.#corral.open(found);
    const metadata = { [names.session]: id, [names.environment]: this.#environmentId };
    const created = await this.#corral.create({ ...this.#choice, title: title || id, metadata, keep: true });
    const first = (await this.#oldest(id)) ?? created.id;
    if (first === created.id) return created;
    await created.remove();
    return await this.#corral.open(first);
  }

  async #oldest(sessionId: string): Promise<string | undefined> {
    const boxes: { readonly id: string; readonly at: number }[] = [];
    for await (const { id, createdAt } of this.#corral.list({ metadata: { [names.session]: sessionId } }))
      boxes.push({ id, at: Date.parse(createdAt) });
    return boxes.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))[0]?.id;
  }

  async remove(sessionId: string): Promise<void> {
    for await (const { id } of this.#corral.list({ metadata: { [names.session]: sessionId } })) {
      await (await this.#corral.open(id)).remove();
    }
  }

  async removeIfEnded(api: AgentsApi, sessionId: string, signal: AbortSignal): Promise<void> {
    if (await hasEnded(api, sessionId, signal)) await this.remove(sessionId);
  }

  async removeEnded(api: AgentsApi, signal: AbortSignal): Promise<number> {
    const ended: string[] = [];
    for await (const { metadata } of this.#corral.list({ metadata: { [names.environment]: this.#environmentId } })) {
      const sessionId = metadata[names.session];
      if (sessionId !== undefined && (await hasEnded(api, sessionId, signal))) ended.push(sessionId);
    }
    for (const sessionId of ended) await this.remove(sessionId);
    return ended.length;
  }
}

async function hasEnded(api: AgentsApi, sessionId: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await api.session(sessionId, signal)).status === 'terminated';
  } catch (error) {
    if (error instanceof AgentsApiError && error.status === 404) return true;
    throw error;
  }
}

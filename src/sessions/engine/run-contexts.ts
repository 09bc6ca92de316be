import type { Driver } from '../../../drivers/driver.ts';
import type { FailedToolServer } from '../../agents/mcp/tool-servers.ts';
import type { ChildSessions } from '../../agents/tools/delegation/child-runs.ts';
import type { AgentMemory } from '../../agents/tools/memory/agent-memory.ts';
import {
  listToolsNeedingApproval,
  restrictMemoryTools,
  type ToolRegistry,
  withoutDelegationTools,
  withoutDesktopTools,
  withoutRepositoryTools,
  withoutSkillTools,
  withTools,
} from '../../agents/tools/registry.ts';
import type { PullRequestOpener, Tool, UnsupportedTool } from '../../agents/tools/tool.ts';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type RunId, type SandboxId, type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { hasUnpreparedRepository, hasWritableRepository, type SessionRepository } from '../../core/model/repository.ts';
import type { BudgetSpec } from '../../core/model/spending.ts';
import { listUntrustedSources } from '../../core/text/strangers.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ExternalAgentRunner } from '../run/agent/external-agents.ts';
import type { UploadReader } from '../run/context/attachments.ts';
import type { LiveSession } from '../run/live-session.ts';
import { OmissionReporter, type UnreachableCredential } from '../run/missing-tools.ts';
import type { AgentProfile, AgentProfileResolver } from '../run/profile.ts';
import { WorkspaceNotes } from '../run/prompt/memory.ts';
import { NestedWorkspaceNotes } from '../run/prompt/nested-notes.ts';
import { composePrompt, type PromptContext, type PromptParts, readBuiltInPromptParts } from '../run/prompt/parts.ts';
import type {
  ApprovalPolicy,
  DesktopProvider,
  ExternalToolProvider,
  KernelManager,
  RunContext,
  SandboxLease,
} from '../run/run-context.ts';
import { createSkillReader, formatSkillList, type OfferedSkill } from '../run/skills/skill-set.ts';
import { WorkspaceSkillFinder } from '../run/skills/workspace-skills.ts';
import type { BaselineRecorder } from '../run/snapshot/run-snapshots.ts';
import { type BudgetedRun, TurnBudget, type TurnBudgetFactory } from '../run/turn-budget.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { LocalSandboxes } from './sandbox/sandbox-access.ts';

export interface ServerPrompts {
  readonly parts: PromptParts;
  about(session: SessionRecord): Pick<PromptContext, 'installed' | 'network'>;
}

export interface AgentDeps {
  readonly profileOf: AgentProfileResolver;
  readonly prompts?: ServerPrompts;
  readonly toolTimeoutMs: number;
  readonly budget?: BudgetSpec | undefined;
  readonly openBudgets?: TurnBudgetFactory;
  readonly approvals?: ApprovalPolicy | undefined;
  readonly gate?: (id: SessionId, signal: AbortSignal) => Promise<void>;
  readonly desktop?: DesktopProvider;
  /** `isReady`: whether a sandbox started now would have a desktop; `advice`: why not. Absent: the driver decides. */
  readonly desktopFor?: (session: SessionRecord) => { readonly isReady: boolean; readonly advice: string };
  readonly external?: ExternalToolProvider;
  readonly kernels?: KernelManager;
  readonly loops?: ExternalAgentRunner;
  readonly snapshots?: BaselineRecorder;
  readonly pullRequests?: (id: SessionId, repositories: readonly SessionRepository[]) => PullRequestOpener;
  readonly children?: {
    of(parent: SessionRecord, runId: RunId, most: number): ChildSessions;
  };
  /** Rejects: not_found (a skill does not exist). */
  readonly skillsOf?: (session: SessionRecord) => Promise<readonly OfferedSkill[]>;
  readonly unreachedCredentials?: (session: SessionRecord) => Promise<readonly UnreachableCredential[]>;
  readonly memoryFolders?: {
    readonly sync: (session: LiveSession, client: SandboxClient, signal: AbortSignal) => Promise<void>;
    readonly keep: (session: LiveSession, client: SandboxClient, signal: AbortSignal) => Promise<string | undefined>;
  };
  /** Notes that outlive the session. Undefined: memory is off. */
  readonly memoryOf?: (session: SessionRecord, runId: RunId) => AgentMemory;
  readonly listNotes?: (memory: AgentMemory) => Promise<string>;
  readonly tellNotes?: (memory: AgentMemory) => Promise<string | undefined>;
  readonly files?: UploadReader;
}
interface Deps {
  readonly clock: Clock;
  readonly agents: AgentDeps;
  readonly liveSessions: LiveSessions;
  readonly sandboxes: LocalSandboxes;
  readonly driver: Pick<Driver, 'capabilities'>;
  readonly workdir: (id: SandboxId) => string;
}

export interface RunContextFactory {
  /** Rejects: cancelled (the run ended). With `signal`, includes tool servers' tools, starting the sandbox for them. */
  working(run: BudgetedRun, signal?: AbortSignal): Promise<RunContext>;
  /** Call before the run's first command. Never rejects. */
  ready(live: LiveSession, client: SandboxClient): Promise<void>;
}

export function createRunContextFactory({
  clock,
  agents,
  liveSessions,
  sandboxes,
  driver,
  workdir,
}: Deps): RunContextFactory {
  const memory = new WorkspaceNotes();
  const nested = new NestedWorkspaceNotes();
  const noteTexts = new WeakMap<object, string | undefined>();
  const missing = new OmissionReporter();
  /** Runs that began before the repositories were fetched. */
  const awaiting = new WeakSet<object>();
  const workspaceSkills = new WorkspaceSkillFinder();
  const prompts = agents.prompts ?? { parts: readBuiltInPromptParts(), about: () => unknownSandbox };

  async function ready(live: LiveSession, client: SandboxClient): Promise<void> {
    const { id, runWriter, writer } = live;
    // A snapshot taken now would attribute the repositories' files to the run.
    if (runWriter && hasUnpreparedRepository(writer.record)) awaiting.add(runWriter);
    if (!runWriter || hasUnpreparedRepository(writer.record)) return;
    void agents.snapshots?.ofRun(id, runWriter.runId, client);
    try {
      const { model } = await agents.profileOf(writer.record);
      const folders = foldersOf(writer.record);
      if (!folders) return;
      await Promise.all([
        memory.begin(runWriter, { client, clock, window: model.abilities.window, folders }),
        workspaceSkills.begin(runWriter, { client, clock, folders }),
      ]);
    } catch {} // the run's next turn retries and reports the failure
  }

  async function working(run: BudgetedRun, signal?: AbortSignal): Promise<RunContext> {
    const { sessionId: id, runId } = run;
    const live = liveSessions.the(id);
    const { profileOf, toolTimeoutMs, gate, external, files, snapshots, loops } = agents;
    const { runWriter } = live;
    if (runWriter?.runId !== runId) throw new AppError('cancelled', 'The run has ended.');
    if (hasUnpreparedRepository(live.writer.record)) awaiting.add(runWriter);
    await runWriter.transcript.load();
    const pictures = agents.desktop?.of(id);
    const desktop = driver.capabilities.desktop ? pictures : undefined;
    const { isReady: isComing, advice } = agents.desktopFor?.(live.writer.record) ?? { isReady: true, advice: '' };
    const sees = desktop !== undefined && (live.client ? await desktop.existsIn(live.client) : isComing);
    const profile = await profileOf(live.writer.record);
    const { tools, plans, prompt, promptParts, sampling } = profile;
    const { model } = profile;
    const parts = promptParts ? { ...prompts.parts, ...promptParts } : prompts.parts;
    const hasToolServers = external !== undefined && profile.toolServers.length > 0;
    const approvals = profile.approvals
      ? { ...(agents.approvals ?? noApprovals), ...profile.approvals }
      : agents.approvals;
    const { repositories } = live.writer.record;
    const opener = hasWritableRepository(live.writer.record)
      ? agents.pullRequests?.(id, repositories ?? [])
      : undefined;
    const offered = opener ? tools : withoutRepositoryTools(tools);
    const visible = sees ? offered : withoutDesktopTools(offered, advice);
    const use = async (until: AbortSignal) => {
      await using stack = new AsyncDisposableStack();
      const used = stack.use(await sandboxes.use(id, until));
      if (awaiting.has(runWriter)) throwIfUnusable(live.writer.record);
      await snapshots?.ofRun(id, runId, used.client);
      await agents.memoryFolders?.sync(live, used.client, until);
      stack.move();
      return used;
    };
    const prepare = async (until: AbortSignal) => await (await use(until))[Symbol.asyncDispose]();
    // a paused sandbox responds only after a call has resumed it
    const client = live.isPaused ? undefined : live.client;
    const isWhole = !hasUnpreparedRepository(live.writer.record); // if false, the run's first sandbox use takes the snapshot
    if (client && isWhole) void snapshots?.ofRun(id, runId, client);
    const folders = foldersOf(live.writer.record);
    const reader = client && folders && { client, clock, window: model.abilities.window, folders };
    const skills = {
      uploaded: (await agents.skillsOf?.(live.writer.record)) ?? [],
      inWorkspace: await workspaceSkills.of(runWriter, reader, signal ?? never),
    };
    const unread = workspaceSkills.takeUnread(runWriter);
    if (unread) await runWriter.write({ type: 'run.notice', runId, data: { kind: 'skill_unread', detail: unread } });
    await missing.tell(runWriter, [], profile.leftOut);
    await missing.tellUnreached(
      live,
      runWriter,
      async () => (await agents.unreachedCredentials?.(live.writer.record)) ?? [],
    );
    const listed = formatSkillList(skills);
    const skilled = listed === undefined ? withoutSkillTools(visible) : visible;
    const children =
      profile.children === undefined ? undefined : agents.children?.of(live.writer.record, runId, profile.children);
    const delegating = children ? skilled : withoutDelegationTools(skilled);
    const notes = profile.memory && agents.memoryOf?.(live.writer.record, runId);
    const offeredTools = restrictMemoryTools(delegating, notes && profile.memory);
    // A prompt that changes during a run would invalidate the provider's cache.
    const readNotes = profile.agent ? agents.tellNotes : agents.listNotes;
    if (notes && readNotes && !noteTexts.has(runWriter)) noteTexts.set(runWriter, await readNotes(notes));
    const known = noteTexts.get(runWriter);
    const instructions = profile.agent && known ? [prompt, known].filter(Boolean).join('\n\n') : prompt;
    const budget = await agents.openBudgets?.({
      ...{ run, record: () => live.writer.record, now: () => clock.now(), lends: children !== undefined },
      limits: { ...agents.budget, ...profile.sessionBudget },
    });
    const folder = live.client?.workdir ?? workdir(sandboxIdOf(id));
    const names = new Set(offeredTools.declarations.map(({ name }) => name));
    const facts = async (until: AbortSignal): Promise<PromptContext> => ({
      instructions: prompt,
      plans,
      ...prompts.about(live.writer.record),
      workdir: folder,
      hasTool: (name) => names.has(name),
      hasSandbox: profile.agent !== undefined || [...names].some((name) => worksInSandbox(offeredTools.find(name))),
      hasToolServers,
      approvals: toolsThatNeedApprovalOf(approvals ?? noApprovals, offeredTools),
      skills: listed,
      notes: known,
      memory: await memory.of(runWriter, reader, until),
    });
    return {
      sessionId: id,
      runWriter,
      model,
      tools:
        signal && hasToolServers
          ? await withExternal(
              offeredTools,
              { external, profile, use, tell: (failed, leftOut) => missing.tell(runWriter, failed, leftOut) },
              signal,
            )
          : offeredTools,
      ...(sees && { desktop }),
      budget: budget ?? new TurnBudget({ run: run.budget }),
      ...(pictures && { keepPicture: pictures.keepPicture }),
      ...(opener && { pullRequests: opener }),
      ...(children && { children }),
      ...(notes && { memory: notes }),
      keepMemories: async (used, until) => await agents.memoryFolders?.keep(live, used, until),
      nestedNotes: async (used, args, until) => {
        const roots = foldersOf(live.writer.record);
        const isShown = (line: string) =>
          runWriter.transcript.messages.some((one) => one.role === 'tool' && one.output.includes(line));
        return roots && (await nested.of(runWriter, { client: used, clock, roots, args, isShown: isShown }, until));
      },
      ...(listed !== undefined && { skills: createSkillReader({ ...skills, use }) }),
      prompt: async (until) => composePrompt(parts, await facts(until)),
      ...(sampling && { sampling }),
      clock,
      files,
      toolTimeoutMs,
      approvals,
      isPermitted: (tool) => live.writer.record.permitted.includes(tool),
      strangers: () => listUntrustedSources(live.writer.record.strangers, driver.capabilities.isolation !== 'none'),
      task: live.task,
      workdir: folder,
      sandbox: { use },
      ...(awaiting.has(runWriter) && { prepare }),
      ...(gate && { gate: (until: AbortSignal) => gate(id, until) }),
      ...(profile.agent && loops && { own: { agent: profile.agent, loops, instructions } }),
      hasTitle: (provisional) => {
        const { title, titleBy } = live.writer.record;
        return titleBy !== null && !(titleBy === 'run' && title === provisional);
      },
    };
  }

  return { working, ready };
}

/** If a repository or its setup failed, a run could produce misleading output. */
function throwIfUnusable({ repositories = [] }: SessionRecord): void {
  for (const { path, state, error, environment } of repositories) {
    if (state === 'failed') throw new AppError('conflict', `The repository ${path} could not be fetched: ${error}`);
    if (environment?.setup === 'failed') throw new AppError('conflict', `The setup of the repository ${path} failed.`);
  }
}

/** Undefined until all repositories are fetched, because a run reads their notes only once. */
const foldersOf = ({ repositories = [] }: SessionRecord): readonly string[] | undefined =>
  repositories.some(({ state }) => state === 'waiting') ? undefined : repositories.map(({ path }) => path);

function toolsThatNeedApprovalOf({ tools, rules }: ApprovalPolicy, registry: ToolRegistry): readonly string[] {
  const ruled = rules.flatMap(({ action, tool }) => (action === 'ask' ? [tool] : []));
  return [...new Set([...tools, ...ruled, ...listToolsNeedingApproval(registry, rules)])];
}

const never = new AbortController().signal;
const unknownSandbox = { installed: '', network: 'as the operator set it up.' };
const noApprovals: ApprovalPolicy = { tools: [], rules: [], timeoutMs: 600_000 };

interface ToolServerLender {
  readonly external: ExternalToolProvider;
  readonly profile: Pick<AgentProfile, 'toolServers' | 'allows'>;
  readonly use: (signal: AbortSignal) => Promise<SandboxLease>;
  readonly tell: (failed: readonly FailedToolServer[], leftOut: readonly UnsupportedTool[]) => Promise<void>;
}

async function withExternal(own: ToolRegistry, lender: ToolServerLender, signal: AbortSignal): Promise<ToolRegistry> {
  const { external, use, profile, tell } = lender;
  const { toolServers, allows = () => true } = profile;
  const used = await use(signal).catch((thrown: unknown) => {
    throwIfAborted(signal);
    if (!(thrown instanceof AppError)) throw thrown;
  });
  if (!used) return own;
  await using held = used;
  const { declared, all, failed, leftOut } = await external.of(held.client, toolServers, signal);
  await tell(failed, leftOut);
  return withTools(own, { declared: declared.filter(allows), all: all.filter(allows) });
}

const elsewhere: ReadonlySet<string> = new Set(['skill', 'children', 'memory', 'memory_write']);
/** Includes tools in a worker's own sandbox, which this server does not manage. */
const worksInSandbox = (tool: Tool | undefined): boolean =>
  tool?.byClient === 'worker' || (tool?.needs ?? []).some((need) => !elsewhere.has(need));

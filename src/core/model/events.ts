import { z } from 'zod';
import { errorCodes } from '../errors/errors.ts';
import { MessageId, RunId, SessionId } from './ids.ts';
import { Goal, GoalAssessment, GoalResult } from './runs/goal.ts';
import { WorkspaceDamage } from './sandboxes/files-damaged.ts';
import { BudgetOverrun, BudgetSpec, EstimatedUsage, ModelCallPurpose, Spending, WaitReason } from './spending.ts';

export const StepStatus = z.enum(['pending', 'running', 'completed', 'failed']);
export type StepStatus = z.infer<typeof StepStatus>;
export const PlanStep = z.object({ id: z.string(), description: z.string(), status: StepStatus });
export type PlanStep = z.infer<typeof PlanStep>;

/** A name such as `shell`. A facade whose API lacks a family substitutes another. */
export const ToolFamily = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/);
export type ToolFamily = z.infer<typeof ToolFamily>;

export const ConsoleEntry = z.object({ ps1: z.string(), command: z.string(), output: z.string() });
export type ConsoleEntry = z.infer<typeof ConsoleEntry>;

export const ToolContent = z.union([
  z.object({ console: z.array(ConsoleEntry), running: z.literal(true).exactOptional() }),
  z.object({ content: z.string(), oldContent: z.string().nullable() }),
  z.object({ screenshot: z.string() }),
  z.object({ results: z.array(z.object({ title: z.string(), link: z.string(), snippet: z.string() })) }),
  z.object({ result: z.unknown() }),
]);
export type ToolContent = z.infer<typeof ToolContent>;

/** A content part in a client's own format, returned to that client unchanged. */
export const ApiBlock = z.record(z.string(), z.unknown());
export type ApiBlock = z.infer<typeof ApiBlock>;

export const RunEndReason = z.enum(['completed', 'stopped', 'superseded', 'deleted', 'failed', 'expired']);
export type RunEndReason = z.infer<typeof RunEndReason>;
/** `questioned`: the user replied with a question, so the call did not run. */
export const ApprovalDecision = z.enum(['approved', 'rejected', 'questioned', 'expired']);
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;
const PictureFile = z.object({ file: z.string(), mimeType: z.string() });
export const ExternalToolResult = z.object({
  output: z.string(),
  isError: z.boolean(),
  pictures: z.array(PictureFile).exactOptional(),
  blocks: z.array(ApiBlock).exactOptional(),
});
export type ExternalToolResult = z.infer<typeof ExternalToolResult>;
export const RunStatus = z.enum(['completed', 'stopped', 'failed']);
export const SandboxPhase = z.enum([
  'queued',
  'image',
  'starting',
  'ready',
  'pausing',
  'paused',
  'resuming',
  'resumed',
  'lost',
  'released',
]);
export type SandboxPhase = z.infer<typeof SandboxPhase>;
export const ProtocolViolationReason = z.enum([
  'not_http',
  'bad_headers',
  'bad_status',
  'too_large',
  'too_complex',
  'not_json',
  'wrong_shape',
  'bad_frame',
  'second_daemon',
]);
export type ProtocolViolationReason = z.infer<typeof ProtocolViolationReason>;
export const ProtocolViolationReport = z.object({
  reason: ProtocolViolationReason,
  /** The request, without ids or names, such as `GET /health`. */
  call: z.string(),
  detail: z.string(),
});
/** `dropped`: newer copies displaced the copy. `off`: copies are turned off. `unwanted`: no copy was requested. */
export const ForkFilesStatus = z.enum(['kept', 'empty', 'too_large', 'failed', 'dropped', 'off', 'unwanted']);
export type ForkFilesStatus = z.infer<typeof ForkFilesStatus>;
export const SessionOrigin = z.string().regex(/^[a-z][a-z0-9]{0,31}$/);
export type SessionOrigin = z.infer<typeof SessionOrigin>;
export const SessionStatus = z.enum(['pending', 'running', 'waiting', 'completed']);
export type SessionStatus = z.infer<typeof SessionStatus>;

const args = z.record(z.string(), z.unknown());
/** Set if the model's reasoning precedes this text. */
const thought = z.literal(true).optional();
/** Set if the message is the run's question. Absent in logs from older servers. */
const waits = WaitReason.optional();
const fact = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.object({ type: z.literal(type), runId: RunId.nullable(), data });

export const SessionFact = z.discriminatedUnion('type', [
  fact(
    'message.user',
    z.object({
      messageId: MessageId,
      text: z.string(),
      attachments: z.array(z.string()),
      /** Epoch seconds, from the sender's clock. A retry has the same value and text. */
      clientTimestamp: z.int().optional(),
      blocks: z.array(ApiBlock).optional(),
      goal: Goal.optional(),
    }),
  ),
  fact('run.started', z.object({ task: z.string(), messageId: MessageId })),
  fact('title', z.object({ title: z.string() })),
  fact('plan', z.object({ steps: z.array(PlanStep) })),
  fact('step', PlanStep),
  fact('message.delta', z.object({ messageId: MessageId, text: z.string().min(1), waits, thought })),
  fact(
    'message.assistant',
    z.object({ messageId: MessageId, text: z.string(), attachments: z.array(z.string()), waits, thought }),
  ),
  fact('tool.calling', z.object({ callId: z.string(), tool: ToolFamily, function: z.string(), args })),
  fact('tool.output', z.object({ callId: z.string(), text: z.string() })),
  fact(
    'tool.called',
    z.object({
      callId: z.string(),
      tool: ToolFamily,
      function: z.string(),
      args,
      success: z.boolean(),
      output: z.string(),
      exitCode: z.int().optional(),
      reason: z.enum(['interrupted', 'cancelled', 'timed_out', 'oom', 'sandbox_lost', 'unknown']).optional(),
      content: ToolContent.nullable(),
      pictures: z.array(PictureFile).exactOptional(),
    }),
  ),
  fact(
    'run.wait',
    z.object({
      question: z.string(),
      reason: WaitReason.optional(),
      /** The run waits for a call that a client or a worker runs. */
      byClient: z.literal(true).optional(),
      /** Only with the reason `budget`. */
      budget: BudgetOverrun.optional(),
      /** `spent` is for this run, `total` for all runs of the session. */
      spent: Spending.optional(),
      total: Spending.optional(),
    }),
  ),
  /** `messageId` is absent if no new message caused the run to resume. */
  fact('run.resumed', z.object({ messageId: MessageId.optional() })),
  fact(
    'approval.requested',
    z.object({
      callId: z.string(),
      function: z.string(),
      args,
      expiresAt: z.number(),
      /** Why the call needs approval, or the call's title if an agent with its own loop makes it. */
      reason: z.string().optional(),
      content: ToolContent.optional(),
      /** The session's client or a worker runs the call and returns its result. */
      byClient: z.literal(true).optional(),
      /** A worker runs the call after a user has approved it. */
      forWorker: z.literal(true).optional(),
      /** An agent with its own loop makes the call, so its arguments cannot be edited. */
      fixed: z.literal(true).optional(),
    }),
  ),
  fact(
    'approval.resolved',
    z.object({
      callId: z.string(),
      decision: ApprovalDecision,
      /** `user`, `program` (a client or worker of the Managed Agents API), or `timeout`. */
      by: z.string(),
      text: z.string().optional(),
      /** The arguments that the call runs with, if the person changed them. */
      args: args.optional(),
      result: ExternalToolResult.optional(),
      /** The tool whose calls need no further approval in this session. */
      always: z.string().optional(),
    }),
  ),
  fact(
    'run.notice',
    z.object({
      kind: z.enum([
        'waiting_provider',
        'stuck',
        'resumed_after_restart',
        'agent_forgot',
        'no_tools',
        'left_out',
        'skill_unread',
      ]),
      detail: z.string(),
      /** Only with `waiting_provider`. */
      code: z.enum(errorCodes).optional(),
      /** Only with `waiting_provider`. `number`: the next retry, counted from 1. `most`: the maximum. */
      retry: z.object({ number: z.int(), most: z.int(), inMs: z.number() }).optional(),
      /** Only with `no_tools`. `isRefused`: access was refused for lack of a valid credential. */
      server: z.object({ name: z.string(), isRefused: z.boolean() }).optional(),
      /** A vault credential for an unreachable host. Only with `left_out`. */
      credential: z.object({ id: z.string(), vaultId: z.string(), host: z.string() }).optional(),
    }),
  ),
  fact('run.error', z.object({ error: z.string() })),
  fact(
    'run.end',
    z.object({
      status: RunStatus,
      reason: RunEndReason,
      task: z.string(),
      code: z.enum(errorCodes).optional(),
      retryable: z.boolean().optional(),
      goal: GoalAssessment.optional(),
    }),
  ),
  fact(
    'goal',
    z.discriminatedUnion('kind', [
      /** `round` counts from 1. Without `command`, the grader judges the work by the rubric. */
      z.object({ kind: z.literal('checking'), round: z.int(), command: z.string().optional() }),
      z.object({
        kind: z.literal('checked'),
        round: z.int(),
        command: z.string().optional(),
        /** `unknown`: the check itself failed. */
        result: z.enum(['passed', 'missed', 'unknown']),
        exitCode: z.int().optional(),
        /** The end of the command's output, the grader's reason, or why the check itself failed. */
        detail: z.string(),
        /** How well the work meets the rubric, 0 to 100. */
        score: z.int().optional(),
      }),
      z.object({
        kind: z.literal('judged'),
        round: z.int(),
        result: GoalResult,
        reason: z.string(),
        feedback: z.object({ messageId: MessageId, text: z.string() }).optional(),
      }),
    ]),
  ),
  fact('session.created', z.object({ origin: SessionOrigin, template: z.string() })),
  /** Recorded in both logs. `to` starts with the conversation up to `atSeq`. */
  fact('session.forked', z.object({ from: SessionId, to: SessionId, atSeq: z.int(), files: ForkFilesStatus })),
  /** The agent's definition is omitted, because not every reader can see its instructions. */
  fact(
    'session.updated',
    z.object({
      title: z.string().optional(),
      status: SessionStatus.optional(),
      agent: z.literal(true).optional(),
      metadata: z.record(z.string(), z.string()).optional(),
      budget: BudgetSpec.optional(),
      archived: z.boolean().optional(),
      /** The files of this attempt replaced those of the session. */
      attempt: z.int().optional(),
    }),
  ),
  fact(
    'sandbox.phase',
    z.object({
      phase: SandboxPhase,
      detail: z.string().optional(),
      ms: z.number().optional(),
      ended: z.array(z.string()).optional(),
    }),
  ),
  /** The server ends the sandbox. Only a user can start a new one. */
  fact('sandbox.untrusted', ProtocolViolationReport),
  /**
   * `limit`: the files exceeded their limit, so the programs that wrote them were stopped. `host`: the host's disk was
   * nearly full, so the largest sandbox was stopped.
   */
  fact(
    'sandbox.disk_exceeded',
    z.object({
      reason: z.enum(['limit', 'host']),
      usedBytes: z.int(),
      limitBytes: z.int(),
      detail: z.string(),
    }),
  ),
  fact('sandbox.files_damaged', WorkspaceDamage),
  fact('sandbox.setup', z.object({ kind: z.literal('failed'), detail: z.string() })),
  fact('sandbox.service', z.object({ name: z.string(), kind: z.enum(['ready', 'failed']), detail: z.string() })),
  /** `proposed`: a pull request was opened. `unprepared`: the setup failed. `unchecked`: a check failed. */
  fact(
    'repository',
    z.object({
      kind: z.enum([
        'fetching',
        'ready',
        'failed',
        'committed',
        'pushed',
        'proposed',
        'preparing',
        'prepared',
        'unprepared',
        'checked',
        'unchecked',
      ]),
      url: z.string(),
      /** Relative to the workspace. */
      path: z.string(),
      detail: z.string(),
      branch: z.string().optional(),
      commit: z.string().optional(),
    }),
  ),
  fact('child.started', z.object({ sessionId: SessionId, callId: z.string(), task: z.string() })),
  /** `version` is null for a skill from the workspace. */
  fact(
    'skill.read',
    z.object({
      name: z.string(),
      file: z.string(),
      source: z.enum(['uploaded', 'workspace']),
      version: z.string().nullable(),
    }),
  ),
  fact(
    'desktop',
    z.object({
      kind: z.enum(['started', 'restarted', 'stopped', 'control_taken', 'control_returned']),
      detail: z.string(),
    }),
  ),
  fact(
    'egress',
    z.object({ host: z.string(), port: z.int(), decision: z.enum(['allowed', 'refused']), rule: z.string() }),
  ),
  /** Events up to `uptoSeq` are shortened for the model. `before`, `after`: the request's estimated size in tokens. */
  fact(
    'context.compacted',
    z.object({
      uptoSeq: z.int(),
      /** `cut`: the server wrote the summary, because the model could not write one. */
      kind: z.enum(['results', 'pictures', 'summary', 'cut']),
      before: z.int(),
      after: z.int(),
      summary: z.string().nullable(),
      model: z.string().nullable(),
    }),
  ),
  fact(
    'usage',
    z.object({
      model: z.string(),
      inputTokens: z.int(),
      outputTokens: z.int(),
      cachedTokens: z.int().optional(),
      cacheWrittenTokens: z.int().optional(),
      reasoningTokens: z.int().optional(),
      cost: z.number().optional(),
      /** Estimated usage added for budgets because the provider's count is missing or far too small. */
      assumed: EstimatedUsage.optional(),
      /** The request's position among the session's model requests, counted from 1. Absent in older logs. */
      turn: z.int().optional(),
      /** SHA-256 of the model's complete input. */
      requestHash: z.string().optional(),
      purpose: ModelCallPurpose.optional(),
      /** When the request was sent, in epoch ms. */
      askedAt: z.number().optional(),
      /** The readable part of the model's reasoning, possibly truncated. */
      thoughts: z.string().optional(),
    }),
  ),
]);
export type SessionFact = z.infer<typeof SessionFact>;
export type FactType = SessionFact['type'];
export type FactOf<Type extends FactType> = Extract<SessionFact, { type: Type }>;

/**
 * `seq` counts the session's events from 1 and is the only cursor. `ts` is epoch ms on the server's clock.
 *
 * @example
 * { type: 'run.end', runId, data: { reason: 'completed' }, seq: 12, sessionId, ts: 1_764_000_000_000 }
 */
export type SessionEvent = SessionFact & {
  readonly seq: number;
  readonly sessionId: SessionId;
  readonly ts: number;
  /** Data that this event stores outside the log is unreadable. */
  readonly problem?: 'blob_missing';
};

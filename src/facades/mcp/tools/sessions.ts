import { z } from 'zod';
import { ModelRef } from '../../../agents/models/model-ref.ts';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { SessionStatus } from '../../../core/model/events.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { RepositoryInputs } from '../../../core/model/repository.ts';
import { defineMcpTool, McpSessionIdInput, toStructuredResult } from '../tool.ts';

const iso = (ms: number) => new Date(ms).toISOString();

export const toSessionView = (session: SessionRecord) => ({
  session_id: session.id,
  title: session.title,
  status: session.status,
  project_id: session.projectId,
  template: session.template,
  last_message: session.latestMessage,
  last_seq: session.lastSeq,
  created_at: iso(session.createdAt),
  updated_at: iso(session.updatedAt),
});

export const createSessionTool = defineMcpTool({
  name: 'create_session',
  title: 'Create a session',
  description:
    'Creates a session: a sandbox with a workspace of its own, and an agent that can work in it. Returns its session_id.',
  input: z.strictObject({
    title: z.string().trim().min(1).max(255).optional().describe('the name of the session in lists'),
    project_id: z.string().max(64).optional().describe('a project, whose agent and files the session gets'),
    template: z
      .string()
      .min(1)
      .max(80)
      .optional()
      .describe("the template of its sandbox and its agent, such as code-interpreter; default: the server's"),
    model: ModelRef.optional().describe("the model of the session's agent, as provider/model"),
    repositories: RepositoryInputs.optional().describe(
      'git repositories that are fetched into its workspace, each with a branch of its own for the session',
    ),
  }),
  effect: 'changes',
  async run({ title, project_id, template, model, repositories }, { services }) {
    if (project_id !== undefined) await services.projects.get(project_id);
    const created = await services.sessions.create({
      origin: 'mcp',
      ...(title !== undefined && { title }),
      ...(project_id !== undefined && { projectId: project_id }),
      ...(template !== undefined && { template }),
      ...(model !== undefined && { model }),
      ...(repositories && { repositories }),
    });
    return toStructuredResult(toSessionView(created));
  },
});

export const listSessionsTool = defineMcpTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: 'Lists sessions, the one with the newest message first.',
  input: z.strictObject({
    limit: z.int().min(1).max(200).default(20).describe('the maximum number of sessions'),
    status: SessionStatus.optional().describe('only sessions in this state'),
  }),
  effect: 'reads',
  async run({ limit, status }, { services }) {
    const keep = (one: SessionRecord) => status === undefined || one.status === status;
    const found = (await services.sessions.list({ limit, after: undefined, keep })).filter(keep);
    const newest = found.toSorted((a, b) => b.latestMessageAt - a.latestMessageAt).slice(0, limit);
    return toStructuredResult({ sessions: newest.map(toSessionView) });
  },
});

export const getSessionTool = defineMcpTool({
  name: 'get_session',
  title: 'Show a session',
  description: 'Shows a session, its sandbox, and whether its agent is working or waiting for an answer.',
  input: z.strictObject({ session_id: McpSessionIdInput }),
  effect: 'reads',
  async run({ session_id }, { services: { sessions, sandboxes } }) {
    const session = await sessions.get(toSessionId(session_id));
    const { state, workdir } = await sandboxes.status(session.id);
    return toStructuredResult({ ...toSessionView(session), sandbox: { state, workdir } });
  },
});

export const endSessionTool = defineMcpTool({
  name: 'end_session',
  title: 'End a session',
  description: 'Ends a session for good: its run, its processes, its sandbox, its files and its history.',
  input: z.strictObject({ session_id: McpSessionIdInput }),
  effect: 'destroys',
  async run({ session_id }, { services }) {
    await services.sessions.delete(toSessionId(session_id));
    return toStructuredResult({ session_id, ended: true });
  },
});

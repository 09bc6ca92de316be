import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { GitRef } from '../../core/model/repository.ts';
import { defineTool, type OpenedPullRequest, type ToolContext, type ToolResult } from './tool.ts';

const parameters = z.object({
  title: z
    .string()
    .trim()
    .min(1)
    .max(250)
    .regex(/^[^\p{Cc}]+$/u, 'must be one line')
    .describe('what changes, in one line, as in the history of the repository'),
  text: z.string().max(60_000).describe('Markdown for reviewers: what changed and why, and how it was tested'),
  repository: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('its folder in the workspace; needed where there are several'),
  base: GitRef.optional().describe('the branch that receives the work; default: the one the session began with'),
  draft: z.boolean().default(false),
});

export const openPullRequestTool = defineTool({
  name: 'open_pull_request',
  family: 'git',
  group: 'bash',
  label: 'Open pull request',
  description:
    'Push the branch of a repository and open a pull request for it (GitLab: a merge request). Commit with git first, in an ' +
    'earlier reply, and run the tests. If it is open already, it gets the new commits. Call it when the work is done, or when ' +
    'the user asks for it.',
  parameters,
  needs: ['sandbox', 'repository'],
  asksFirst: true,
  orderKey: () => 'pull request',
  run: propose,
  // A retry finds the pull request that the first attempt opened.
  reattach: propose,
});

async function propose(ctx: ToolContext, requested: z.output<typeof parameters>): Promise<ToolResult> {
  const { title, text, repository, base, draft } = requested;
  if (!ctx.pullRequests)
    return { ok: false, reason: 'refused', output: 'This session has no repository that it may write.' };
  const named = { ...(repository !== undefined && { repository }), ...(base !== undefined && { base }) };
  try {
    const proposedPullRequest = await ctx.pullRequests({ title, text, draft, ...named }, ctx.signal);
    return { ok: true, output: describePullRequest(proposedPullRequest, title) };
  } catch (thrown) {
    const reason = thrown instanceof AppError ? reasons[thrown.code as keyof typeof reasons] : undefined;
    if (!(thrown instanceof AppError) || reason === undefined) throw thrown;
    return { ok: false, reason, output: `No pull request was opened. ${thrown.publicMessage}` };
  }
}

const reasons = {
  conflict: 'refused',
  forbidden: 'refused',
  unsupported: 'refused',
  not_found: 'not_found',
  invalid_request: 'bad_arguments',
  rate_limited: 'failed',
  provider_error: 'failed',
  deadline_exceeded: 'timed_out',
} as const;

function describePullRequest({ number, url, title, branch, base, draft }: OpenedPullRequest, wished: string): string {
  const is = `Pull request #${number} from ${branch} into ${base} is open${draft ? ' as a draft' : ''}: ${url}`;
  if (title === wished) return is;
  return `${is}\nIt was open before: it has the new commits now, and keeps its own title and text.`;
}

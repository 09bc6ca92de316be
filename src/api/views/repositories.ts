import { z } from 'zod';
import { GitPerson, GitRef } from '../../core/model/repository.ts';
import { CheckResult } from '../../core/model/repository-environment.ts';
import { maxServices, ServiceStatus } from '../../core/model/services/recipe.ts';
import type {
  CheckpointRange,
  CommitCommand,
  DiffQuery,
  PullRequestCommand,
  RanCheck,
} from '../../sessions/api/repositories.ts';

// Several facades share these schemas of repositories, checkpoints and pull requests.

const FileInput = z
  .string()
  .min(1)
  .max(4_096)
  .refine((text) => !/[\0\n]/.test(text), 'must be one line');

export const OfRepository = z.strictObject({
  path: z.string().min(1).max(200).describe('the folder of the repository in the workspace'),
});
export const DiffInput = OfRepository.extend({
  since: z
    .enum(['base', 'head'])
    .default('base')
    .describe('the commit with which the session began, or the newest one'),
  file: FileInput.optional().describe('this file alone'),
});
export const CommitInput = OfRepository.extend({
  message: z
    .string()
    .trim()
    .min(1)
    .max(20_000)
    .refine((text) => !text.includes('\0'), 'must not contain NUL'),
  author: GitPerson.optional().describe('default: the author of the session'),
  files: z.array(FileInput).min(1).max(2_000).optional().describe('default: all that .gitignore does not name'),
});
export const PushInput = OfRepository.extend({
  branch: GitRef.optional().describe('its name there; the base branch only where it is named'),
});
export const PullRequestInput = OfRepository.extend({
  title: z
    .string()
    .trim()
    .min(1)
    .max(250)
    .regex(/^[^\p{Cc}]+$/u, 'must be one line'),
  text: z.string().max(60_000).default('').describe('Markdown'),
  base: GitRef.optional().describe('the branch that receives the work'),
  draft: z.boolean().default(false),
});
export const ChecksInput = OfRepository.extend({
  names: z.array(z.string().max(40)).min(1).max(20).optional().describe('default: all'),
});
export const AllowedServicesInput = OfRepository.extend({
  names: z.array(z.string().max(40)).min(1).max(maxServices).optional().describe('default: all that it asks for'),
});
export const AllowedServices = z.object({ services: z.array(ServiceStatus).readonly() });
export const CheckpointNumber = z.int().min(0).max(99_999_999);

/** Absent fields stay absent, as the services want them. */
export const diffQuery = ({ since, file }: z.output<typeof DiffInput>): DiffQuery => ({
  since,
  ...(file !== undefined && { file }),
});
export const commitCommand = ({ message, author, files }: z.output<typeof CommitInput>): CommitCommand => ({
  message,
  ...(author && { author }),
  ...(files && { files }),
});
export const pullRequestCommand = (input: z.output<typeof PullRequestInput>): PullRequestCommand => {
  const { title, text, base, draft } = input;
  return { title, text, draft, ...(base !== undefined && { base }) };
};
export const checkpointRange = (from: number, to: number | undefined): CheckpointRange => ({
  from,
  ...(to !== undefined && { to }),
});

export const GitChange = z.object({
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted', 'renamed']),
  from: z.string().nullable(),
});
export const RepositoryStatus = z.object({
  branch: z.string().nullable(),
  head: z.string().nullable(),
  ahead: z.int().describe('the commits of `head` that the base commit does not have'),
  files: z.array(GitChange).readonly(),
  truncated: z.boolean(),
});
export const DiffText = z.object({ text: z.string(), truncated: z.boolean() });
export const MadeCommit = z.object({ commit: z.string(), branch: z.string() });
export const PushedBranch = z.object({ url: z.string(), branch: z.string(), commit: z.string() });

export const RanChecks = z.object({
  checks: z
    .array(CheckResult.omit({ at: true }).extend({ name: z.string(), command: z.string(), at: z.iso.datetime() }))
    .readonly(),
});
export const ranChecks = (all: readonly RanCheck[]): z.output<typeof RanChecks> => ({
  checks: all.map(({ at, ...one }) => ({ ...one, at: new Date(at).toISOString() })),
});

export const Checkpoint = z.object({
  number: z.int(),
  runId: z.string().nullable(),
  seq: z.int().nullable().describe('the end of that run in the log, where the session can be forked'),
  at: z.iso.datetime(),
  files: z.int().describe('the files that differ from the checkpoint before it'),
});
export const CheckpointDiff = DiffText.extend({ files: z.array(GitChange).readonly() });
export const Restored = z.object({ before: z.int().describe('the checkpoint of the files as they were until then') });

export const PullRequest = z.object({
  number: z.int(),
  title: z.string(),
  text: z.string(),
  state: z.enum(['open', 'closed', 'merged']),
  draft: z.boolean(),
  author: z.string(),
  head: z.object({ branch: z.string(), commit: z.string() }),
  base: z.string(),
  url: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
const Comment = z.object({
  id: z.string(),
  author: z.string(),
  text: z.string(),
  createdAt: z.string(),
  url: z.string().nullable(),
  place: z.object({ path: z.string(), line: z.int().nullable() }).nullable(),
  status: z.enum(['open', 'resolved', 'outdated']),
});
const Review = z.object({
  id: z.string(),
  author: z.string(),
  verdict: z.enum(['approved', 'changes_requested', 'commented', 'dismissed']),
  text: z.string(),
  createdAt: z.string().nullable(),
  url: z.string().nullable(),
});
const Check = z.object({
  name: z.string(),
  status: z.enum(['queued', 'running', 'passed', 'failed', 'skipped', 'cancelled', 'neutral']),
  summary: z.string(),
  url: z.string().nullable(),
});
export const PullRequestState = z.object({
  forge: z.object({ name: z.string(), label: z.string(), noun: z.string() }),
  newUrl: z.string().nullable().describe('the page on which a person opens it without Corral'),
  pullRequest: PullRequest.nullable(),
  comments: z.array(Comment).readonly(),
  reviews: z.array(Review).readonly(),
  checks: z.array(Check).readonly(),
  isCut: z.boolean(),
  unsent: z.int().describe('what the agent has not been sent of it'),
});
export const SentFeedback = z.object({ sent: z.int(), runId: z.string() });

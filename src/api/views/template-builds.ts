import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import {
  BuildLogEntry,
  BuildStep,
  type BuiltTemplate,
  type TemplateBuild,
} from '../../core/model/sandboxes/built-template.ts';
import type { BuildPlan, TemplateBuildService } from '../../sessions/api/server/template-builds.ts';
import { planOfDockerfile } from '../../sessions/builds/dockerfile.ts';

export const TagName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'must be a tag such as v1');
/** `name`, or `name:tag`. */
export const BuildName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/,
    'must be a name such as my-tools or my-tools:v1, in lower case',
  );
export const FileHash = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be a hash: letters, digits, "_" and "-"');
const Dockerfile = z.string().min(1).max(65_536);
const DockerfileArgs = z.record(z.string().min(1).max(200), z.string().max(16_384));

/** A new build, before its steps. */
export const NewBuild = z.strictObject({
  name: BuildName.describe('the template, made if it is new; perhaps with a tag of the build'),
  tags: z.array(TagName).max(20).default([]).describe('tags of the build; without any: default'),
});
export const DockerfileInput = z.strictObject({
  dockerfile: Dockerfile.describe('its text'),
  args: DockerfileArgs.optional().describe('the values of its ARGs'),
});
/** Either a Dockerfile without COPY, or the steps themselves. */
export const BuildInput = z.strictObject({
  dockerfile: Dockerfile.optional().describe('a Dockerfile without COPY; with COPY, send the steps'),
  args: DockerfileArgs.optional(),
  base: z.string().min(1).max(300).optional().describe("an image of the operator's list, or a template that you built"),
  steps: z.array(BuildStep).max(200).optional(),
  fresh: z.boolean().default(false).describe('runs every step again'),
});
export const Built = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: z.iso.datetime(),
  tags: z.array(z.object({ tag: z.string(), build: z.string(), at: z.iso.datetime() })).readonly(),
});
export const BuildView = z.object({
  id: z.string(),
  templateId: z.string(),
  tags: z.array(z.string()).readonly(),
  status: z.enum(['waiting', 'building', 'ready', 'error']),
  createdAt: z.iso.datetime(),
  /** Why it failed, and at which step. */
  reason: z.object({ message: z.string(), step: z.string().optional() }).nullable(),
});
export const Begun = z.object({ template: Built, build: BuildView });
export const BuildStatus = z.object({
  build: BuildView,
  /** The entries of the log from `offset` on, at most 500. A build that is over is told when there are none any more. */
  log: z.array(BuildLogEntry).readonly(),
});
export const maxEntries = 500;

const iso = (at: number) => new Date(at).toISOString();
export const builtView = ({ id, name, at, tags }: BuiltTemplate): z.output<typeof Built> => ({
  id,
  name,
  createdAt: iso(at),
  tags: Object.entries(tags).map(([tag, one]) => ({ tag, build: one.build, at: iso(one.at) })),
});
export const buildView = ({ id, templateId, tags, status, at, reason }: TemplateBuild): z.output<typeof BuildView> => ({
  id,
  templateId,
  tags,
  status,
  createdAt: iso(at),
  reason: reason ?? null,
});

export async function buildStatus(
  builds: TemplateBuildService,
  { templateId, buildId, offset }: { readonly templateId: string; readonly buildId: string; readonly offset: number },
): Promise<z.output<typeof BuildStatus>> {
  // First the state: what is written between the two belongs to the next call.
  const build = await builds.build(templateId, buildId);
  const { entries } = await builds.log(templateId, buildId, { offset, limit: maxEntries });
  return { build: buildView(build), log: entries };
}

/** Rejects: invalid_request. */
export function toBuildPlan({ dockerfile, args, base, steps, fresh }: z.output<typeof BuildInput>): BuildPlan {
  const isWhole = dockerfile !== undefined ? base === undefined && steps === undefined : base !== undefined && steps;
  if (!isWhole || (args && dockerfile === undefined)) {
    throw new AppError('invalid_request', 'Give the dockerfile, perhaps with args, or base and steps.');
  }
  const plan =
    dockerfile === undefined ? { base: base as string, steps: steps ?? [] } : planOfDockerfile(dockerfile, args);
  return { base: { image: plan.base }, steps: plan.steps, ...(fresh && { freshFrom: 0 }) };
}

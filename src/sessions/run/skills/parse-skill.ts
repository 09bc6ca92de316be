import { z } from 'zod';
import { parseFrontmatter } from '../../../config/frontmatter.ts';
import { joinLines, trimCharacters, truncateEnd } from '../../../core/text/text.ts';

// Skills use the open Agent Skills format.

const skillName = /^(?!.*--)[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
const maxBody = 500; // lines; a longer body only causes a warning

const maxDescription = 1_024; // characters shown to agents

const Fields = z.object({
  name: z.string().optional(),
  description: z.string().optional(),
  license: z.string().optional(),
  compatibility: z.string().optional(),
  'argument-hint': z.string().optional(),
  'allowed-tools': z.union([z.string(), z.array(z.string())]).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
const known = [
  ...Object.keys(Fields.shape),
  ...['arguments', 'when_to_use', 'model', 'effort', 'context', 'agent', 'hooks', 'paths', 'shell'],
  ...['disable-model-invocation', 'user-invocable', 'version'],
];
const texts = ['name', 'description', 'license', 'compatibility', 'argument-hint', 'when_to_use', 'version'];

export interface ParsedSkill {
  readonly name: string;
  readonly description: string;
  readonly license?: string;
  readonly compatibility?: string;
  readonly argumentHint?: string;
  /** Shown to users; listing a tool grants no permission. */
  readonly allowedTools?: readonly string[];
  readonly body: string;
}
interface SkillReport {
  readonly skill?: ParsedSkill;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly unread: readonly string[];
}

/** Parses as Claude Code does. Fallbacks: `folder` for the name, the first paragraph for the description. */
export function parseSkill(text: string, folder?: string): SkillReport {
  const front = parseFrontmatter(text, texts);
  if (typeof front === 'string') return refused([`SKILL.md: ${front}`]);
  const { fields, body } = front;
  const unread = front.unread.map(({ field, why }) => `SKILL.md: ${field} cannot be read and is not used: ${why}.`);
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(`SKILL.md: ${text}`);
  const { error } = Fields.safeParse(fields);
  const odd = new Set((error?.issues ?? []).map(({ path }) => String(path[0])));
  for (const field of odd) unread.push(`SKILL.md: ${field} has the wrong type for this field, and is not used.`);
  const data = Fields.parse(Object.fromEntries(Object.entries(fields).filter(([field]) => !odd.has(field))));
  for (const key of Object.keys(fields))
    if (!known.includes(key)) warn(`${key} is not a known field, and is not used.`);
  if (body.trim() === '') warn('there are no instructions below the second ---.');
  if (body.split('\n').length > maxBody) warn(`more than ${maxBody} lines; move parts into other files.`);
  const name = [data.name?.trim(), folder, toSlug(data.name ?? ''), toSlug(folder ?? '')].find(
    (one) => one !== undefined && skillName.test(one),
  );
  const description = (data.description ?? '').trim() || firstParagraph(body);
  const problems: string[] = [];
  if (name === undefined)
    problems.push(
      'SKILL.md begins without a usable name. Begin it with a line ---, then name: and description:, then ---. A name has 1 to 64 of a-z, 0-9 and single hyphens, with no hyphen at the beginning or end.',
    );
  if (description === '')
    problems.push('SKILL.md has neither a description nor instructions. Add them below the name.');
  if (name === undefined || description === '') return refused(problems, [...unread, ...warnings]);
  if (data.name !== undefined && data.name.trim() !== name) warn(`name cannot be used as it is, so ${name} is used.`);
  if (folder !== undefined && folder !== name)
    warn(`name is ${name}, and its folder is ${folder}. Rename one of them.`);
  if (!data.description?.trim()) warn('description is missing, so the first paragraph is used.');
  if (description.length > maxDescription)
    warn(`description has more than ${maxDescription} characters; agents see only its beginning.`);
  const { 'allowed-tools': tools, 'argument-hint': hint, license, compatibility } = data;
  return {
    problems,
    warnings: [...unread, ...warnings],
    unread,
    skill: {
      name,
      description: truncateEnd(description, maxDescription),
      ...(license !== undefined && { license: truncateEnd(license, maxField) }),
      ...(compatibility !== undefined && { compatibility: truncateEnd(compatibility, maxField) }),
      ...(hint !== undefined && { argumentHint: truncateEnd(hint, maxField) }),
      ...(tools !== undefined && { allowedTools: typeof tools === 'string' ? toolNames(tools) : tools }),
      body,
    },
  };
}
const maxField = 500; // characters
const refused = (problems: readonly string[], warnings: readonly string[] = []): SkillReport => ({
  problems,
  warnings,
  unread: problems,
});

/** Splits at spaces and commas, except within parentheses, as in `Bash(git add:*), Read`. */
const toolNames = (text: string) => text.match(/(?:[^\s,()]|\([^()]*\))+/g) ?? [];
const toSlug = (name: string) =>
  trimCharacters(
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 64),
    '-',
  );
const firstParagraph = (body: string) =>
  joinLines(
    body
      .split(/\n[ \t]*\n/)
      .map((part) => part.trim())
      .find((part) => part !== '' && !part.startsWith('#')) ?? '',
  );

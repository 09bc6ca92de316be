import { z } from 'zod';
import { readFrontmatter } from '../../../config/frontmatter.ts';

// A skill in the open Agent Skills form: a folder with SKILL.md, whose beginning says its name and what it is for.

const skillName = /^(?!.*--)[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
const maxBody = 500; // lines; longer ones are read whole all the same

const Fields = z.object({
  name: z
    .string('is missing')
    .regex(skillName, 'must have 1 to 64 of a-z, 0-9 and single hyphens, none at the beginning or end'),
  description: z
    .string('is missing')
    .max(1_024, 'must have at most 1024 characters')
    .refine((text) => text.trim() !== '', 'must not be empty'),
  license: z.string('must be a text').max(500, 'must have at most 500 characters').optional(),
  compatibility: z.string('must be a text').max(500, 'must have at most 500 characters').optional(),
  'allowed-tools': z.union([z.string(), z.array(z.string())], 'must be a text').optional(),
  metadata: z.record(z.string(), z.unknown(), 'must be a mapping').optional(),
});
const known = Object.keys(Fields.shape);

/** The content of a SKILL.md. */
export interface ParsedSkill {
  readonly name: string;
  readonly description: string;
  readonly license?: string;
  readonly compatibility?: string;
  /** The tools that its author has in mind. They are shown to people, and give no right. */
  readonly allowedTools?: readonly string[];
  readonly body: string;
}
interface SkillReport {
  /** Absent while there are problems. */
  readonly skill?: ParsedSkill;
  readonly problems: readonly string[];
  /** The skill works all the same. */
  readonly warnings: readonly string[];
}

/** `folder`: the name of the folder that holds it, which the form wants to be the skill's own. */
export function parseSkill(text: string, folder?: string): SkillReport {
  const front = readFrontmatter(text);
  if (typeof front === 'string') return { problems: [`SKILL.md: ${front}`], warnings: [] };
  const { fields, body } = front;
  const { data, error } = Fields.safeParse(fields);
  const problems = (error?.issues ?? []).map(({ path, message }) => `SKILL.md: ${path.join('.')} ${message}.`);
  if (data && folder !== undefined && folder !== data.name)
    problems.push(`SKILL.md: name is ${data.name}, and its folder is ${folder}. Give both the same name.`);
  const warnings = Object.keys(fields)
    .filter((key) => !known.includes(key))
    .map((key) => `SKILL.md: ${key} is no field of the form, and is not used.`);
  if (body.trim() === '') warnings.push('SKILL.md: there are no instructions below the second ---.');
  if (body.split('\n').length > maxBody)
    warnings.push(`SKILL.md: more than ${maxBody} lines; move parts into other files that it names.`);
  if (!data || problems.length > 0) return { problems, warnings };
  const { 'allowed-tools': tools, name, description, license, compatibility } = data;
  return {
    problems,
    warnings,
    skill: {
      name,
      description: description.trim(),
      ...(license !== undefined && { license }),
      ...(compatibility !== undefined && { compatibility }),
      ...(tools !== undefined && {
        allowedTools: typeof tools === 'string' ? tools.split(/[\s,]+/).filter(Boolean) : tools,
      }),
      body,
    },
  };
}

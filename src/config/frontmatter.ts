import { parse } from 'yaml';

/** A document whose beginning is YAML between two lines `---`. */
interface Frontmatter {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The reason, as a sentence, when the text has no such beginning or the YAML cannot be read. */
export function readFrontmatter(text: string): Frontmatter | string {
  const found = /^\ufeff?---[ \t]*\r?\n(?<yaml>[\s\S]*?)\r?\n---[ \t]*(\r?\n(?<body>[\s\S]*))?$/.exec(text);
  if (!found) return 'It must begin with a line ---, then name and description, then another line ---.';
  const { yaml = '', body = '' } = found.groups ?? {};
  try {
    const fields: unknown = parse(yaml, { maxAliasCount: 10, schema: 'core' });
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      return 'The lines between --- must be a mapping, key: value, one to a line.';
    return { fields: fields as Record<string, unknown>, body };
  } catch (thrown) {
    return `The lines between --- are no YAML: ${String((thrown as Error).message).split('\n')[0]}`;
  }
}

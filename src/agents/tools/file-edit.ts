import { applyPatch, parsePatch, type StructuredPatch } from 'diff';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { replaceOccurrences } from '../../core/text/files/edits.ts';
import { editFile, type FileEditResult, filePathSchema, toFileOrderKey } from './file-text.ts';
import { defineTool, type ToolResult } from './tool.ts';

const edit = z.object({
  old_str: z.string().min(1),
  new_str: z.string(),
  all: z.boolean().default(false).describe('replace every occurrence; otherwise old_str must occur exactly once'),
});
type Edit = z.output<typeof edit>;
/** Maximum number of line comparisons per patch. Each hunk is tried at every line. */
const maxCompared = 5_000_000;
const maxCopied = 500_000_000; // characters; each attempt to apply a hunk copies the file

export const fileEdit = defineTool({
  name: 'file_edit',
  family: 'file',
  group: 'file_edit',
  label: 'Edit',
  description:
    'Change a text file in several places at once: either `edits`, one after the other, or `patch`, a unified diff. ' +
    'If one of them does not fit, nothing is changed.',
  parameters: z.object({
    file: filePathSchema,
    edits: z.array(edit).min(1).max(100).optional(),
    patch: z.string().min(1).optional().describe('a unified diff of this file; line numbers may be off'),
  }),
  orderKey: toFileOrderKey,
  calledIn: {
    conversation: ({ file: input, ...others }, path) => ({ name: 'edit_file', args: { path: path(input), ...others } }),
    opencodex: ({ file: input, ...others }, path) => ({ name: 'file_edit', args: { path: path(input), ...others } }),
  },
  async run(ctx, { file: path, edits, patch }) {
    if ((edits === undefined) === (patch === undefined)) return wrong('Give either edits or patch.');
    return await editFile(ctx, { path }, (old) =>
      edits ? replaced(old, edits, path) : patched(old, patch ?? '', path),
    );
  },
});

function replaced(old: string, edits: readonly Edit[], path: string): FileEditResult {
  let now = old;
  for (const [index, { old_str, new_str, all }] of edits.entries()) {
    const { text, times } = replaceOccurrences(now, old_str, new_str);
    const which = `Edit ${index + 1} of ${edits.length}`;
    if (times === 0) {
      const output = `${which}: old_str does not occur in ${path}${index > 0 ? ' after the edits before it' : ''}. Nothing was changed.`;
      return { refused: { ok: false, reason: 'not_found', output } };
    }
    if (times > 1 && !all) {
      const output = `${which}: old_str occurs ${times} times in ${path}; include more of its surroundings, or set all. Nothing was changed.`;
      return { refused: { ok: false, reason: 'refused', output } };
    }
    now = text;
  }
  return { now, summary: `Made ${edits.length} ${edits.length === 1 ? 'edit' : 'edits'} in ${path}.` };
}

function patched(old: string, patch: string, path: string): FileEditResult {
  const [parsed, ...more] = parse(patch);
  if (!parsed || parsed.hunks.length === 0) return { refused: wrong('The patch is not a unified diff with @@ lines.') };
  if (more.length > 0) return { refused: wrong('The patch is for several files. Call the tool once for each file.') };
  if (parsed.hunks.length * old.length > maxCopied)
    return { refused: wrong('The patch has too many hunks for a file of this size. Nothing was changed. Send fewer.') };
  const budget = { compared: 0 };
  let now = old;
  // Applies hunks one at a time, to name the one that does not fit.
  for (const [index, hunk] of parsed.hunks.entries()) {
    const next = applyHunk(now, { ...parsed, hunks: [hunk] }, budget);
    if (next === false) {
      const output =
        `Hunk ${index + 1} of ${parsed.hunks.length} (line ${hunk.oldStart}) does not fit ${path}: ` +
        'its context and removed lines must be in the file as they are. Read the file again. Nothing was changed.';
      return { refused: { ok: false, reason: 'refused', output } };
    }
    now = next;
  }
  const { length } = parsed.hunks;
  return { now, summary: `Applied ${length} ${length === 1 ? 'hunk' : 'hunks'} to ${path}.` };
}

/** An added line gets the line ending of the previous line. */
function applyHunk(text: string, patch: StructuredPatch, budget: { compared: number }): string | false {
  const isOld = text.includes('\r') && !text.includes('\n');
  const marked = patch.hunks.map((hunk) => ({
    ...hunk,
    lines: hunk.lines.map((line) => (line.startsWith('+') ? `${bare(line)}${added}` : line)),
  }));
  const applied = applyPatch(
    isOld ? text.replaceAll('\r', '\n') : text,
    { ...patch, hunks: marked },
    {
      autoConvertLineEndings: false,
      compareLine: (_, line, _operation, content) => {
        if (++budget.compared > maxCompared) throw new AppError('invalid_request', tooMuch);
        return line !== undefined && bare(line) === bare(content);
      },
    },
  );
  if (applied === false) return false;
  const lines = applied.split('\n');
  const last = lines.length - 1;
  for (const [index, line] of lines.entries()) {
    if (!line.endsWith(added)) continue;
    const near = lines[index - 1] ?? lines.find((other) => !other.endsWith(added)) ?? '';
    lines[index] = `${line.slice(0, -1)}${index < last && near.endsWith('\r') ? '\r' : ''}`;
  }
  return lines.join(isOld ? '\r' : '\n');
}
const tooMuch =
  'The patch almost fits in too many places, and no exact match was found. Nothing was changed. Send shorter hunks, or edits.';
const added = '\udfff'; // does not occur in well-formed text
const bare = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

function parse(patch: string): StructuredPatch[] {
  try {
    return parsePatch(patch.endsWith('\n') ? patch : `${patch}\n`);
  } catch {
    return [];
  }
}

const wrong = (output: string): ToolResult => ({ ok: false, reason: 'bad_arguments', output });

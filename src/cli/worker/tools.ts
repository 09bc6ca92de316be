import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Box, CorralError } from '../../client/index.ts';
import { sleep } from '../../core/concurrency/cancel.ts';
import { replaceOccurrences } from '../../core/text/files/edits.ts';
import { decodeTextFile } from '../../core/text/files/encoding.ts';
import { detectPictureType } from '../../core/text/pictures.ts';
import { cancelBashCall, restartBash, runBash, type WorkerCallResult, workerFolder } from './bash.ts';
import type { WorkerToolCall } from './call-queue.ts';

const maxFileBytes = 16 * 1024 * 1024;
const maxTextChars = 256 * 1024;
const maxMatches = 500;
const rateLimitMs = 5_000;

/** An error whose message the agent sees. */
class ToolError extends Error {}

type Run = (box: Box, call: WorkerToolCall, signal: AbortSignal) => Promise<string | WorkerCallResult>;
const tool = <Shape extends z.ZodType>(
  input: Shape,
  run: (
    box: Box,
    input: z.infer<Shape>,
    call: { readonly id: string; readonly signal: AbortSignal },
  ) => ReturnType<Run>,
): Run => {
  return async (box, { id, name, input: values }, signal) => {
    const parsed = input.safeParse(values);
    if (!parsed.success) throw new ToolError(`${name}: ${z.prettifyError(parsed.error)}`);
    return await run(box, parsed.data, { id, signal });
  };
};

const Path = z.string().min(1).max(4_096);

/** The tools of `agent_toolset_20260401` that operate on the session's sandbox. */
const tools: Readonly<Record<string, Run>> = {
  bash: tool(
    z.object({
      command: z.string().nullish(),
      restart: z.boolean().nullish(),
      timeout_ms: z.int().min(1).max(3_600_000).nullish(),
    }),
    async (box, { command, restart, timeout_ms: timeoutMs }, { id, signal }) => {
      if (restart) await restartBash(box);
      if (!command && !restart) throw new ToolError('bash: command is missing.');
      if (!command) return 'The shell was restarted.';
      return await runBash(box, id, { command, timeoutMs: timeoutMs ?? undefined }, signal);
    },
  ),

  read: tool(
    z.object({ file_path: Path, view_range: z.array(z.int()).length(2).nullish() }),
    async (box, { file_path: path, view_range: range }, { signal }) => {
      const bytes = await readBytes(box, path, signal);
      const picture = detectPictureType(bytes);
      if (picture) {
        const source = { type: 'base64', media_type: picture, data: bytes.toString('base64') };
        return { text: `${path} is a picture.`, picture: { type: 'image', source }, isError: false };
      }
      const text = (decodeTextFile(bytes)?.text ?? bytes.toString()).toWellFormed();
      const [first = 1, last = 0] = range ?? [];
      const part = range
        ? text
            .split('\n')
            .slice(Math.max(0, first - 1), last > 0 ? last : undefined)
            .join('\n')
        : text;
      if (part.length > maxTextChars) {
        throw new ToolError(
          `read: this is ${part.length} characters, more than ${maxTextChars}. Read fewer lines with view_range.`,
        );
      }
      return part;
    },
  ),

  write: tool(
    z.object({ file_path: Path, content: z.string() }),
    async (box, { file_path: path, content }, { signal }) => {
      const { size } = await box.files.write(path, content, { signal });
      return `Wrote ${size} bytes to ${path}.`;
    },
  ),

  edit: tool(
    z.object({
      file_path: Path,
      old_string: z.string().min(1),
      new_string: z.string(),
      replace_all: z.boolean().nullish(),
    }),
    async (box, { file_path: path, old_string: old, new_string: text, replace_all: all }, { id, signal }) => {
      const before = await readBytes(box, path, signal);
      // Written before the file, so that the next worker does not repeat the edit.
      const mark = `${workerFolder}/edits/${id}`;
      if ((await textIfThere(box, mark, signal)) === digestOf(before)) return `${path} is edited.`;
      const file = decodeTextFile(before);
      if (!file) throw new ToolError(`edit: ${path} is not text that can be edited. Change it with bash.`);
      const { text: changed, times } = replaceOccurrences(file.text, old, text);
      if (times === 0) throw new ToolError(`edit: old_string is not in ${path}, whose encoding is ${file.encoding}.`);
      if (times > 1 && !all) {
        throw new ToolError(`edit: old_string occurs ${times} times in ${path}. Make it longer, or set replace_all.`);
      }
      const after = file.encode(changed);
      if (!after)
        throw new ToolError(
          `edit: ${path} is likely ${file.encoding}, and only characters that it already contains can be written.`,
        );
      await box.files.write(mark, digestOf(after), { signal });
      await box.files.write(path, after, { signal });
      return `${path} is edited.`;
    },
  ),

  glob: tool(z.object({ pattern: Path, path: Path.nullish() }), async (box, { pattern, path }, { signal }) => {
    const query = { sessionId: box.id, pattern, path: path ?? '.' };
    const { matches, truncated } = await box.api.files.find.query(query, { signal });
    return listed(matches, truncated, 'No file matches.');
  }),

  grep: tool(
    z.object({ pattern: z.string().min(1), path: Path.nullish() }),
    async (box, { pattern, path }, { signal }) => {
      const query = { sessionId: box.id, pattern, path: path ?? '.' };
      const { matches, truncated } = await box.api.files.grep.query(query, { signal });
      const lines = matches.map(({ file, line, content }) => `${file}:${line}:${content}`);
      return listed(lines, truncated, 'Nothing matches.');
    },
  ),
};

export const workerToolNames: readonly string[] = Object.keys(tools);

/** Failed calls resolve with an error result. Rejects on abort or temporary failure, such as an unreachable sandbox. */
export async function runWorkerTool(box: Box, call: WorkerToolCall, signal: AbortSignal): Promise<WorkerCallResult> {
  for (;;) {
    try {
      return await tryTool(box, call, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof CorralError && error.code === 'rate_limited')) throw error;
    }
    await sleep(rateLimitMs, signal); // repeating a call is safe, because no change is made twice
  }
}

async function tryTool(box: Box, call: WorkerToolCall, signal: AbortSignal): Promise<WorkerCallResult> {
  try {
    const result = await tools[call.name]?.(box, call, signal);
    if (result === undefined) throw new ToolError(`There is no tool ${call.name}.`);
    return typeof result === 'string' ? { text: result, isError: false } : result;
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof ToolError) return { text: error.message, isError: true };
    const passes =
      error instanceof CorralError && (error.retryable || ['unreachable', 'rate_limited'].includes(error.code));
    if (error instanceof CorralError && !passes) {
      return { text: `${call.name}: ${error.message}`, isError: true };
    }
    throw error;
  }
}

export async function cancelToolCall(box: Box, call: WorkerToolCall): Promise<void> {
  if (call.name === 'bash') await cancelBashCall(box, call.id);
}

async function readBytes(box: Box, path: string, signal: AbortSignal): Promise<Buffer> {
  const { size, body } = await box.files.stream(path, { signal });
  if (size <= maxFileBytes) return Buffer.from(await new Response(body).arrayBuffer());
  await body.cancel();
  throw new ToolError(`${path} has ${size} bytes, more than ${maxFileBytes}. Read parts of it with bash.`);
}

async function textIfThere(box: Box, path: string, signal: AbortSignal): Promise<string | undefined> {
  return await box.files.read(path, { signal }).catch((error: unknown) => {
    if (error instanceof CorralError && ['file_not_found', 'not_found'].includes(error.code)) return undefined;
    throw error;
  });
}

function listed(all: readonly string[], isCut: boolean, none: string): string {
  if (all.length === 0) return none;
  const more = isCut || all.length > maxMatches ? ['There are more. Narrow the search.'] : [];
  return [...all.slice(0, maxMatches), ...more].join('\n');
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

import { describe, expect, test } from 'vitest';
import type { ConsoleEntry, ToolContent } from '../../../src/core/events.ts';
import { fileFromLog, shellFromLog } from '../../../src/session/stopped-views.ts';
import { fact, sessionId, writerBench } from '../../support/session-parts.ts';

const ran = (shell: string, console: ConsoleEntry[] | null) =>
  fact('tool.called', {
    callId: 'c',
    tool: 'shell',
    function: 'shell_exec',
    args: { id: shell },
    success: true,
    output: '',
    content: console && { console },
  });
const wrote = (file: string, content: ToolContent | null, success = true) =>
  fact('tool.called', {
    callId: 'c',
    tool: 'file',
    function: 'file_write',
    args: { file },
    success,
    output: '',
    content,
  });
const text = (content: string) => ({ content, oldContent: null });
const entry = (output: string): ConsoleEntry => ({ ps1: '$ ', command: 'x', output });

async function logOf(...facts: Parameters<ReturnType<typeof writerBench>['writer']['write']>[0]) {
  const { writer, log } = writerBench();
  await writer.write(facts);
  return log;
}

describe('while no sandbox runs', () => {
  test('a shell is shown as its last command left it', async () => {
    const log = await logOf(ran('main', [entry('one')]), ran('main', [entry('one'), entry('two')]), ran('other', []));
    expect(await shellFromLog(log, sessionId, 'main')).toEqual({ id: 'main', console: [entry('one'), entry('two')] });
  });

  test('a result without a console leaves the one before', async () => {
    const log = await logOf(ran('main', [entry('one')]), ran('main', null));
    expect((await shellFromLog(log, sessionId, 'main')).console).toEqual([entry('one')]);
  });

  test('a shell that was never used is not found', async () => {
    const log = await logOf(ran('main', [entry('one')]));
    await expect(shellFromLog(log, sessionId, 'other')).rejects.toMatchObject({ code: 'shell_not_found' });
  });

  test.each(['a.md', './a.md', '/workspace/a.md', 'x/../a.md'])(
    'the file %s is shown as last written',
    async (path) => {
      const log = await logOf(wrote('/workspace/a.md', text('old')), wrote('/workspace/a.md', text('new')));
      expect((await fileFromLog(log, sessionId, path)).toString()).toBe('new');
    },
  );

  test('a write that failed changes nothing', async () => {
    const log = await logOf(wrote('a.md', text('good')), wrote('a.md', text('bad'), false), wrote('a.md', null));
    expect((await fileFromLog(log, sessionId, 'a.md')).toString()).toBe('good');
  });

  test('a file that the log does not know is not found, and says what would help', async () => {
    const log = await logOf(wrote('a.md', text('x')));
    await expect(fileFromLog(log, sessionId, 'b.md')).rejects.toMatchObject({
      code: 'file_not_found',
      publicMessage: expect.stringContaining('send a message to start it'),
    });
  });
});

import { parseTasks, type TaskReport, type TaskRequest } from './tasks.ts';

// The page's worker. It parses text written by agents outside of the page's own thread, and has no access to tokens or
// sessions.

const report = (what: TaskReport) => postMessage(what);

addEventListener('message', async ({ data }: MessageEvent<TaskRequest>) => {
  const { id, name, input } = data;
  try {
    report({ id, output: await (parseTasks[name] as (input: unknown) => unknown)(input) });
  } catch {
    report({ id }); // such as text that overflows the stack
  }
});
report('ready');

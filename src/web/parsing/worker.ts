import { type ParseTaskReport, type ParseTaskRequest, parseTasks } from './tasks.ts';

// A separate thread, without access to tokens or sessions.

const report = (what: ParseTaskReport) => postMessage(what);

addEventListener('message', async ({ data }: MessageEvent<ParseTaskRequest>) => {
  const { id, name, input } = data;
  try {
    report({ id, output: await (parseTasks[name] as (input: unknown) => unknown)(input) });
  } catch {
    report({ id }); // for example, on a stack overflow
  }
});
report('ready');

import { type ParseTaskReport, type ParseTaskRequest, parseTasks } from './tasks.ts';

// Parses texts written by agents outside of the page's thread, without access to tokens or sessions.

const report = (what: ParseTaskReport) => postMessage(what);

addEventListener('message', async ({ data }: MessageEvent<ParseTaskRequest>) => {
  const { id, name, input } = data;
  try {
    report({ id, output: await (parseTasks[name] as (input: unknown) => unknown)(input) });
  } catch {
    report({ id }); // for example, if the text overflows the stack
  }
});
report('ready');

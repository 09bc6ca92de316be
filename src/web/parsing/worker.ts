import { type Order, type Report, tasks } from './tasks.ts';

// The page's worker: reads what an agent wrote, apart from the page's own thread. It sees no token and no session.

const report = (what: Report) => postMessage(what);

addEventListener('message', async ({ data }: MessageEvent<Order>) => {
  const { id, name, input } = data;
  try {
    report({ id, output: await (tasks[name] as (input: unknown) => unknown)(input) });
  } catch {
    report({ id }); // such as a text that exhausts the stack
  }
});
report('ready');

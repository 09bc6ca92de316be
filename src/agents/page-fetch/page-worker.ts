import { parentPort } from 'node:worker_threads';
import { toMarkdown } from '../browser/markdown.ts';
import { parsePage } from './html.ts';
import type { HtmlPageJob, PageText, PageTreeJob } from './page-text.ts';

// A worker thread, because a hostile page could block the event loop.

parentPort?.on('message', (job: HtmlPageJob | PageTreeJob) => {
  parentPort?.postMessage('tree' in job ? { title: '', markdown: toMarkdown(job.tree) } : toPageText(job));
});

function toPageText({ html, address, part }: HtmlPageJob): PageText {
  const page = parsePage(html, address);
  const chosen = toMarkdown(part === 'main' ? page.main : page.all);
  // A page may mark everything as navigation.
  const markdown = chosen === '' ? toMarkdown(page.all) : chosen;
  return { title: page.title, markdown };
}

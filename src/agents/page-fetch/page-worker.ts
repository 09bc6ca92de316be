import { parentPort } from 'node:worker_threads';
import { markdownOf } from '../browser/markdown.ts';
import { parsePage } from './html.ts';
import type { PageJob, PageText } from './page-text.ts';

// Makes Markdown of pages, which takes too long for the server's event loop when a page is hostile.

parentPort?.on('message', ({ html, address, part }: PageJob) => {
  const page = parsePage(html, address);
  const chosen = markdownOf(part === 'main' ? page.main : page.all);
  // A page can mark everything as navigation.
  const markdown = chosen === '' ? markdownOf(page.all) : chosen;
  parentPort?.postMessage({ title: page.title, markdown } satisfies PageText);
});

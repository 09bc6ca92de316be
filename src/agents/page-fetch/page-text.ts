import { Worker } from 'node:worker_threads';
import { JobThread } from '../../core/concurrency/job-thread.ts';
import type { PageTreeNode } from '../browser/page-types.ts';

export interface HtmlPageJob {
  readonly html: string;
  readonly address: string;
  readonly part: 'main' | 'all';
}
export interface PageTreeJob {
  readonly tree: readonly PageTreeNode[];
}
export interface PageText {
  readonly title: string;
  readonly markdown: string;
}

export const createPageTextThread = (patienceMs = 10_000): JobThread<HtmlPageJob | PageTreeJob, PageText> =>
  new JobThread({
    start: startWorker,
    maxPending: 64,
    full: 'Too many pages are being read. Try again soon.',
    patienceMs,
    tries: 1,
  });

function startWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './page-worker.ts' : './page-worker.js';
  return new Worker(new URL(file, import.meta.url), {
    name: 'pages of the web',
    resourceLimits: { maxOldGenerationSizeMb: 384, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    env: {},
    execArgv: [],
  });
}

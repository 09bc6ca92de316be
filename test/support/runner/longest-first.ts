import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The longest test files, the longest first. If one of them started last, the whole run would wait for a single worker.
const first = [
  'cluster/all',
  'workspace/life',
  'process-walls',
  'workspace/commands',
  'sandboxd-faults',
  'ui/page',
  'faults/provider',
  'faults/crash-points',
  'faults/ends',
  'faults/restart',
  'sandboxd-desktop',
  'kernels',
  'escapes/process',
  'faults/sandbox-loss',
  'process-faults',
  'http/sheikhbox-additive',
  'trpc/errors',
  'egress-faults',
  'docker-faults',
  'contract/browser',
  'docker-pooled',
];
/** Below 0 for the files that begin first, 0 for the others. */
function rankOf({ moduleId }: TestSpecification): number {
  const rank = first.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return rank < 0 ? 0 : rank - first.length;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The longest test files, the longest first. If one of them started last, the whole run would wait for a single worker.
const first = [
  'cluster/all',
  'chaos/storm',
  'deploy/compose',
  'dialects/schemathesis',
  'escapes/docker',
  'faults/crash-points',
  'ui/page',
  'faults/ends',
  'faults/restart',
  'faults/sandbox-loss',
  'workspace/commands',
  'faults/provider',
  'workspace/life',
  'sandboxd-container',
  'docker-desktop',
  'sandboxd-desktop',
  'sandboxd-faults',
  'docker-pooled',
];
// On a slow machine these are skipped for want of time, rather than a hundred short files.
const last = ['client/example', 'client/tour', 'eval/eval'];

const find = (names: readonly string[], { moduleId }: TestSpecification) =>
  names.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
/** Below 0 for the first files, 0 for most, above 0 for the last. */
function placeOf(file: TestSpecification): number {
  const place = find(first, file);
  return place < 0 ? find(last, file) + 1 : place - first.length;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

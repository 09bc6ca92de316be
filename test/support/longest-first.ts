import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The longest test files, the longest first. If one of them started last, the whole run would wait for a single worker.
const longest = [
  'cluster/all',
  'chaos/docker',
  'chaos/storm',
  'deploy/compose',
  'dialects/schemathesis',
  'escapes/docker-runsc',
  'escapes/docker',
  'faults/crash-points',
  'chaos/process',
  'eval/eval',
  'ui/page',
  'faults/ends',
  'faults/restart',
  'faults/sandbox-loss',
  'workspace/commands',
  'chaos/mongo',
  'faults/provider',
  'workspace/life',
  'client/example',
  'replicas/chaos',
  'sandboxd-container',
  'docker-desktop',
  'sandboxd-desktop',
  'sandboxd-faults',
  'docker-pooled',
];
const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return place < 0 ? longest.length : place;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}

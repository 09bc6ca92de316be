import { BaseSequencer, type TestSpecification } from 'vitest/node';

// The longest test files, the longest first. If one of them started last, the whole run would wait for a single worker.
const first = [
  'cluster/all',
  'cli/commands',
  'facades/callers',
  'client/example',
  'sandboxd-faults',
  'ui/conversation',
  'ui/work-pane',
  'ui/preview',
  'acp/run',
  'workspace/life',
  'crash-points',
  'sandboxd-desktop',
  'kernels',
  'ui/page',
  'readme',
  'faults/ends',
  'ui/views',
  'repositories/repositories',
  'opencodex/real',
  'runs/templates',
  'faults/forks',
  'sandboxes/engine',
  'process-driver',
  'docker-faults',
  'runs/terminals',
  'start-token',
  'replicas/desktop',
  'replicas/stopped',
  'replicas/blocked',
  'ui/sessions',
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

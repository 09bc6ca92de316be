import type { StepItem } from '../data/items.ts';
import { Mark } from '../parts/status.tsx';
import { ForkButton } from '../sharing/fork.tsx';

/** A step of the plan. A session can be forked where it ended. */
export const StepRow = ({ item, isLive }: { item: StepItem; isLive: boolean }) => (
  <div class="step" data-status={item.status.value}>
    <h2>
      <Mark status={item.status.value} /> <span>{item.description}</span>
    </h2>
    {isLive && item.endSeq.value !== undefined && <ForkButton seq={item.endSeq.value} />}
  </div>
);

import type { StepItem } from '../data/items.ts';
import { Mark } from '../parts/status.tsx';

export const StepRow = ({ item }: { item: StepItem }) => (
  <h2 class="step" data-status={item.status.value}>
    <Mark status={item.status.value} /> {item.description}
  </h2>
);

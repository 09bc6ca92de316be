import type { Item } from '../data/items.ts';
import type { ConversationModel } from '../data/model.ts';

/** Everything a model shows. `isLive`: people can decide, retry and edit here. */
export const Items = ({ model }: { model: ConversationModel; isLive?: boolean }) => (
  <div role="log" aria-label="Conversation">
    {model.items.value.map((item) => (
      <Row key={item.seq} item={item} />
    ))}
  </div>
);

const Row = ({ item }: { item: Item }) => <p>{item.kind}</p>;

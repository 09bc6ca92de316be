import { eventTraits } from '../../../core/model/event-traits.ts';
import type { FactType } from '../../../core/model/events.ts';

type EventTexts = { readonly [Type in FactType as `event.${Type}`]: string };

export const eventTexts = Object.fromEntries(
  Object.entries(eventTraits).map(([type, { label }]) => [`event.${type}`, label]),
) as EventTexts;

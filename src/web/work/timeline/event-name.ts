import type { Event } from '../../../client/types.ts';
import { eventLabelOf, eventTraits } from '../../../core/model/event-traits.ts';
import { t } from '../../text/text.ts';

/** A newer server may send event types that this page does not know. */
export const eventNameOf = (event: Event): string =>
  Object.hasOwn(eventTraits, event.type) ? t(`event.${event.type}`) : eventLabelOf(event);

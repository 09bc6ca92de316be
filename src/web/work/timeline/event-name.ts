import type { Event } from '../../../client/types.ts';
import { eventTraits, labelOf } from '../../../core/model/event-traits.ts';
import { t } from '../../text/text.ts';

/** The name of an event for people. A newer server can have more types than this page knows. */
export const eventName = (event: Event): string =>
  Object.hasOwn(eventTraits, event.type) ? t(`event.${event.type}`) : labelOf(event);

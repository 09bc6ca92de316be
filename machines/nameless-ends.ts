import type { AnyStateMachine } from 'xstate';

/**
 * XState caches the transitions of every event type forever, so children with new ids would leak memory. All end events
 * here share two types. The cache is `memo` with the key `candidates-${eventType}` in
 * https://github.com/statelyai/xstate/blob/main/packages/core/src/StateNode.ts.
 */
export function withSharedEndEvents<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const transition = machine.transition.bind(machine);
  machine.transition = (snapshot, event, scope) => transition(snapshot, nameless(event), scope);
  return machine;
}

const endTypes = ['xstate.done.actor', 'xstate.error.actor'] as const;

function nameless<Event extends { readonly type: string }>(event: Event): Event {
  const kind = endTypes.find((type) => event.type.startsWith(`${type}.`));
  return kind === undefined ? event : { ...event, type: `${kind}.child` };
}

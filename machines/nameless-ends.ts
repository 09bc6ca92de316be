import type { AnyStateMachine } from 'xstate';

/** XState caches transitions per event type forever (`memo` in StateNode.ts), so new child ids would leak memory. */
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

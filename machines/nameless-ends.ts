import type { AnyStateMachine } from 'xstate';

/**
 * XState keeps for good what each type of event leads to, and the end of a child is a type of its own for each child's id.
 * With children that come and go under new ids a machine would grow for ever. Here all ends are of two types; `actorId`
 * tells whose end it is. The fault is `memo` with the key `candidates-${eventType}` in
 * https://github.com/statelyai/xstate/blob/main/packages/core/src/StateNode.ts.
 */
export function namelessEnds<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const transition = machine.transition.bind(machine);
  machine.transition = (snapshot, event, scope) => transition(snapshot, nameless(event), scope);
  return machine;
}

const endTypes = ['xstate.done.actor', 'xstate.error.actor'] as const;

function nameless<Event extends { readonly type: string }>(event: Event): Event {
  const kind = endTypes.find((type) => event.type.startsWith(`${type}.`));
  return kind === undefined ? event : { ...event, type: `${kind}.child` };
}

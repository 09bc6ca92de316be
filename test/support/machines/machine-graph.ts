import {
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  createEmptyActor,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';

interface World<Machine extends AnyStateMachine> {
  readonly machine: Machine;
  readonly starts: readonly InputFrom<Machine>[];
  /** The events that the machine's surroundings can send; `explore` adds the timers. */
  readonly events: readonly AnyEventObject[];
  /** The part of the context that distinguishes two states of the same node. Keep it small, or the graph is endless. */
  key(context: SnapshotFrom<Machine>['context'], children: SnapshotFrom<Machine>['children']): unknown;
  /** Whether the event can arrive now; keeps counters in the context small. */
  mayHear?(
    context: SnapshotFrom<Machine>['context'],
    event: AnyEventObject,
    children: SnapshotFrom<Machine>['children'],
  ): boolean;
}
// biome-ignore lint/suspicious/noExplicitAny: XState's own type of a scope is not exported
type Scope = any;

/** Finds every state that a machine can reach, and every transition that it takes on the way. Runs no action. */
export function explore<Machine extends AnyStateMachine>({ machine, starts, events, key, mayHear }: World<Machine>) {
  const taken = new Set<AnyTransitionDefinition>();
  const note = (event: { type: string; _transitions?: AnyTransitionDefinition[] }) => {
    if (event.type === '@xstate.microstep') for (const it of event._transitions ?? []) taken.add(it);
  };
  /** A scope whose actor returns the current snapshot, and whose transitions are recorded. */
  const seen = (scope: Scope, snapshot: unknown): Scope => ({
    ...scope,
    self: Object.assign(Object.create(scope.self), { getSnapshot: () => snapshot }),
    system: Object.assign(Object.create(scope.system), { _sendInspectionEvent: note }),
  });
  const logic = {
    getInitialSnapshot: (scope: Scope, input: InputFrom<Machine>) =>
      machine.getInitialSnapshot(seen(scope, undefined), input),
    transition: (state: AnyMachineSnapshot, event: AnyEventObject, scope: Scope) =>
      state.status === 'active' ? machine.transition(state as never, event as never, seen(scope, state)) : state,
  };
  const timers = machine.events.filter((type: string) => type.startsWith('xstate.after.'));
  const isPossible = ({ children, context }: AnyMachineSnapshot, event: AnyEventObject) =>
    (!('actorId' in event) || event.actorId in children) && (mayHear?.(context, event, children as never) ?? true);
  const states = starts.flatMap((input) => {
    const map = getAdjacencyMap(
      logic as never,
      {
        input,
        events: [...events, ...timers.map((type: string) => ({ type }))],
        serializeState: ({ value, status, context, children }: AnyMachineSnapshot) =>
          JSON.stringify([value, status, key(context, children as never)]),
        filterEvents: isPossible,
      } as never,
    ) as unknown as Record<string, { state: SnapshotFrom<Machine> }>;
    return Object.values(map).map(({ state }) => state);
  });
  const nodes = nodesUnder(machine.root);
  const reached = new Set(states.flatMap((state) => (state as AnyMachineSnapshot)._nodes.map(({ id }) => id)));
  const transitions = nodes.flatMap(transitionsOf);
  return {
    states,
    broken: states.filter((state) => (state as AnyMachineSnapshot).status === 'error'),
    unreached: nodes.filter((node) => isRestingPlace(node) && !reached.has(node.id)).map(({ id }) => id),
    untaken: transitions.filter((it) => !taken.has(it)).map(inWords),
    after: (state: SnapshotFrom<Machine>, ...next: AnyEventObject[]): SnapshotFrom<Machine> =>
      next.reduce<AnyMachineSnapshot>((now, event) => logic.transition(now, event, inert), state) as never,
  };
}

const nobody = createEmptyActor();
/** A scope for all steps, because `transition` makes a new one for every step, which is slow. */
const inert: Scope = {
  self: nobody,
  system: nobody.system,
  id: '',
  sessionId: '',
  logger: () => {},
  defer: () => {},
  stopChild: () => {},
  emit: () => {},
  actionExecutor: () => {},
};

const nodesUnder = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(nodesUnder)];
const isRestingPlace = ({ type, always }: AnyStateNode) =>
  (type === 'atomic' || type === 'final') && (!always?.length || always.at(-1)?.guard !== undefined);
const transitionsOf = (node: AnyStateNode): AnyTransitionDefinition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
];

function inWords({ source, eventType, target, guard }: AnyTransitionDefinition): string {
  const when =
    guard === undefined
      ? ''
      : ` [${typeof guard === 'string' ? guard : ((guard as { type?: string }).type ?? 'guard')}]`;
  return `${source.id} on ${eventType || 'always'}${when} to ${target?.map(({ id }) => id).join(', ') ?? 'itself'}`;
}

export const doneEvent = (id: string, output?: unknown) => ({ type: `xstate.done.actor.${id}`, actorId: id, output });
export const errorEvent = (id: string, error: unknown) => ({ type: `xstate.error.actor.${id}`, actorId: id, error });

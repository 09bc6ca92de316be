import { AppError } from './errors.ts';

// Named places where tests inject crashes, errors, delays and hangs.

type Action = { kind: 'exit'; code: number } | { kind: 'throw' } | { kind: 'sleep'; ms: number } | { kind: 'hang' };
interface Failpoint {
  readonly name: string;
  readonly action: Action;
  /** The hit that triggers the action. Undefined: every hit. */
  readonly hit: number | undefined;
}
interface ArmedFailpoints {
  readonly spec: string;
  readonly traps: readonly Failpoint[];
  readonly hits: Map<string, number>;
  /** Must not return, because the test needs the work to stay unfinished. */
  exit(code: number): void;
}
let armed: ArmedFailpoints | undefined;

export function readFailpointSpec(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env.NODE_ENV === 'test' ? env.CORRAL_FAILPOINTS : undefined;
}

/**
 * Format: `store.append.after=exit@37;driver.create.before=sleep(50)`. Actions: `exit`, `exit(3)`, `throw`,
 * `sleep(ms)`, `hang`. `@37`: only on hit 37. `*` matches all failpoints and counts their hits together. Dispose to
 * disarm.
 */
export function armFailpoints(spec: string, options: { exit(code: number): void }): Disposable {
  const traps = spec.split(/[;,]/).filter(Boolean).map(parseTrap);
  const mine: ArmedFailpoints = { spec, traps, hits: new Map(), exit: options.exit };
  armed = mine;
  return {
    [Symbol.dispose]: () => {
      if (armed === mine) armed = undefined;
    },
  };
}

export const getArmedFailpointSpec = (): string | undefined => armed?.spec;

export const countFailpointHits = (name: string): number => armed?.hits.get(name) ?? 0;

/** Always await the result: without `await`, `sleep` and `hang` have no effect. */
export function failpoint(name: string): void | Promise<void> {
  if (armed === undefined) return;
  const action = sprung(armed, name);
  if (action?.kind === 'sleep') return new Promise((resolve) => setTimeout(resolve, action.ms));
  if (action?.kind === 'hang') return new Promise(() => {});
}

/** The synchronous form of `failpoint`. `sleep` and `hang` block the whole thread. */
export function failpointSync(name: string): void {
  if (armed === undefined) return;
  const action = sprung(armed, name);
  if (action?.kind === 'sleep') block(action.ms);
  if (action?.kind === 'hang') block(Number.POSITIVE_INFINITY);
}

const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

function sprung({ traps, hits, exit }: ArmedFailpoints, name: string): Action | undefined {
  for (const counted of [name, '*']) hits.set(counted, (hits.get(counted) ?? 0) + 1);
  const trap = traps.find(
    (it) => (it.name === name || it.name === '*') && (it.hit ?? hits.get(it.name)) === hits.get(it.name),
  );
  if (trap?.action.kind === 'exit') exit(trap.action.code);
  if (trap?.action.kind === 'throw') throw new Error(`The failpoint ${name} threw, as configured.`);
  return trap?.action;
}

function parseTrap(text: string): Failpoint {
  const parts = /^([\w.*-]+)=(exit|throw|sleep|hang)(?:\((\d+)\))?(?:@(\d+))?$/.exec(text.trim());
  const [, name = '', kind = '', argument, hit] = parts ?? [];
  if (!parts || (kind === 'sleep') !== (argument !== undefined && kind !== 'exit')) {
    const accepted = 'name=exit, name=throw, name=sleep(ms) or name=hang, each perhaps followed by @hit';
    throw new AppError('invalid_request', `CORRAL_FAILPOINTS: "${text}" is not one of ${accepted}.`);
  }
  return { name, action: actionOf(kind, argument), hit: hit === undefined ? undefined : Number(hit) };
}

function actionOf(kind: string, argument: string | undefined): Action {
  if (kind === 'exit') return { kind, code: Number(argument ?? 137) };
  if (kind === 'sleep') return { kind, ms: Number(argument) };
  return { kind: kind === 'throw' ? 'throw' : 'hang' };
}

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { series } from '../series/all.ts';
import { gateMs, gateRows } from './gate.ts';
import type { Experiment, Mode, Row } from './measure.ts';

/** The rows or the series of a run, and its limits. */
export interface Wishes {
  readonly mode: Mode;
  readonly seed: number;
  /** The exit code says whether a row fails the gate. */
  readonly gate: boolean;
  /** The run ends after this time, in ms, whether it is done or not. */
  readonly withinMs: number | undefined;
  readonly rows: readonly Row[];
  isWanted(experiment: Experiment): boolean;
  /** The folder of another checkout, which takes the place of the peers. */
  readonly against: string | undefined;
  readonly series: (typeof series)[number] | undefined;
}

/** Reads the command line. Ends the process with a message when it makes no sense. */
export function wishes(all: readonly Row[]): Wishes {
  const values = options();
  const mode = values.full ? 'full' : 'quick';
  const wanted = values.only?.split(',').map((id) => id.trim().toUpperCase());
  const known = new Set(all.map(({ id }) => id));
  const unknown = wanted?.filter((id) => !known.has(id)) ?? [];
  if (unknown.length > 0) refuse(`there is no row ${unknown.join(', ')}. There are ${[...known].join(', ')}.`);
  const variant = values.variant.map((one) => one.split('=', 2) as [string, string?]);
  const isShort = values.gate && !wanted;
  const rows = isShort ? gateRows(all) : all.filter(({ id }) => !wanted || wanted.includes(id));
  const isWanted = (it: Experiment) => variant.every(([name, value]) => String(it.variant[name]) === value);
  const experiments = rows.flatMap((row) => row.experiments(mode));
  if (!experiments.some(isWanted)) {
    const there = [...new Set(experiments.map((it) => JSON.stringify(it.variant)))].join(' ');
    refuse(there === '' ? 'these rows are measured only with --full.' : `no variant is like that. There are ${there}.`);
  }
  const curve = series.find(({ id }) => id === values.series);
  if (values.series !== undefined && !curve) {
    refuse(`there is no series ${values.series}. There are ${series.map(({ id }) => id).join(', ')}.`);
  }
  const { gate } = values;
  return {
    mode,
    seed: Number(values.seed),
    gate,
    withinMs: isShort ? gateMs : undefined,
    rows,
    isWanted,
    against: values.against === undefined ? undefined : resolve(values.against),
    series: curve,
  };
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        variant: { type: 'string', multiple: true, default: [] },
        series: { type: 'string' },
        seed: { type: 'string', default: '1' },
        gate: { type: 'boolean', default: false },
        against: { type: 'string' },
      },
    });
    if (!/^\d+$/.test(values.seed)) throw new Error('--seed needs a whole number');
    if (values.against !== undefined && (values.gate || values.series !== undefined)) {
      throw new Error('--against goes with rows only, without --gate and --series');
    }
    return values;
  } catch (error) {
    return refuse(
      `${(error as Error).message}. It takes [--full] [--only P06,P12] [--variant name=value]… [--series name] ` +
        '[--seed N] [--gate] [--against folder]; docs/benchmarks.md says what they do.',
    );
  }
}

function refuse(why: string): never {
  console.error(`bench: ${why}`);
  process.exit(2);
}

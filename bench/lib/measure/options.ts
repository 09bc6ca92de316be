import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchMode, BenchRow, Experiment } from './measure.ts';
import type { SeriesPlan } from './series.ts';

/** Ends the process with a message if an argument is invalid. */
export function readBenchOptions(rows: readonly BenchRow[], series: readonly SeriesPlan[]) {
  const values = commandLine();
  const mode: BenchMode = values.full ? 'full' : 'quick';
  const requested = values.only?.split(',').map((name) => name.trim());
  const known = [...rows, ...series].map(({ name }) => name);
  const unknown = requested?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) refuse(`there is no row ${unknown.join(', ')}. There are ${known.join(', ')}.`);
  const isChosen = ({ name }: { name: string }) => requested?.includes(name) ?? true;
  const variant = values.variant.map((one) => one.split('=', 2) as [string, string?]);
  const isSelected = (it: Experiment) => variant.every(([name, value]) => String(it.variant[name]) === value);
  const chosen = rows.filter(isChosen);
  const experiments = chosen.flatMap((row) => row.experiments(mode));
  if (variant.length > 0 && !experiments.some(isSelected)) {
    const there = [...new Set(experiments.map((it) => JSON.stringify(it.variant)))].join(' ');
    refuse(`no variant is like that. There are ${there}.`);
  }
  const isSeriesRun = values.against === undefined && variant.length === 0;
  return {
    mode,
    rows: chosen,
    isSelected,
    series: isSeriesRun ? series.filter(isChosen) : [],
    against: values.against === undefined ? undefined : resolve(values.against),
  };
}

function commandLine() {
  try {
    const { values } = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        variant: { type: 'string', multiple: true, default: [] },
        against: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    return refuse(
      `${(error as Error).message}. It takes [--full] [--only command,output] [--variant name=value]… ` +
        '[--against folder]; docs/performance.md says what they do.',
    );
  }
}

function refuse(why: string): never {
  console.error(`bench: ${why}`);
  process.exit(2);
}

import type { Clock } from '../core/contracts/clock.ts';
import type { FactOf } from '../core/model/events.ts';

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}
type Phase = FactOf<'sandbox.phase'>['data'];

type Kind = 'awaited' | 'background';

export interface SandboxStartProgress extends Disposable {
  /** Shows the newest awaited sandbox start, or else the newest background start. */
  record(what: string, phase: Phase, kind?: Kind): void;
  around(write: () => void): void;
}

const tickMs = 1_000;
/** Minimum time between two lines about an image if the output is not a terminal. */
const lineMs = 5_000;
const over = new Set<Phase['phase']>(['ready', 'released', 'lost', 'paused']);

interface Start {
  readonly kind: Kind;
  readonly phase: Phase;
  readonly since: number;
  readonly printedAt: number;
  readonly hasImage: boolean;
}

/** If the output is not a terminal, prints lines only for starts that wait for an image. */
export function createSandboxStartProgress(screen: Screen, clock: Clock): SandboxStartProgress {
  const starts = new Map<string, Start>();
  let timer: unknown;
  let isDrawn = false;

  const clear = () => {
    if (isDrawn) screen.write('\r\u001b[2K');
    isDrawn = false;
  };
  const draw = () => {
    clear();
    const all = [...starts];
    const [what, newest] = all.findLast(([, { kind }]) => kind === 'awaited') ?? all.at(-1) ?? [];
    if (!screen.isTTY || !what || !newest) return;
    const others = starts.size > 1 ? ` (and ${starts.size - 1} more)` : '';
    const text = `${what}: ${wordsOf(newest.phase)}${others}, ${seconds(clock.now() - newest.since)}`;
    screen.write(text.slice(0, Math.max(20, (screen.columns || 80) - 1)));
    isDrawn = true;
  };
  const tick = () => {
    draw();
    timer = starts.size > 0 && screen.isTTY ? clock.setTimeout(tick, tickMs) : undefined;
  };
  const line = (text: string) => {
    clear();
    screen.write(`corral: ${text}\n`);
  };

  return {
    record(what, phase, kind = 'awaited') {
      const now = clock.now();
      const known = starts.get(what) ?? {
        kind,
        phase,
        since: now,
        printedAt: Number.NEGATIVE_INFINITY,
        hasImage: false,
      };
      if (over.has(phase.phase)) {
        starts.delete(what);
        const isNews = screen.isTTY ? phase.phase === 'ready' : known.hasImage;
        if (isNews) line(`${what}: ${wordsOf(phase)} after ${seconds(phase.ms ?? now - known.since)}`);
        return draw();
      }
      if (phase.phase === 'resumed') return;
      const isDue = phase.phase === 'image' && now - known.printedAt >= lineMs && !screen.isTTY;
      const hasImage = known.hasImage || phase.phase === 'image';
      starts.set(what, { ...known, phase, hasImage, ...(isDue && { printedAt: now }) });
      if (isDue) line(`${what}: ${wordsOf(phase)}`);
      if (!screen.isTTY) return;
      draw();
      timer ??= clock.setTimeout(tick, tickMs);
    },
    around(write) {
      clear();
      write();
      draw();
    },
    [Symbol.dispose]() {
      clock.clearTimeout(timer);
      clear();
      starts.clear();
    },
  };
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const wordsOf = ({ phase, detail }: Phase) => (detail === undefined ? phase : `${phase}: ${oneLineOf(detail)}`);
/** Text from an engine or a registry must not control the terminal. */
const oneLineOf = (text: string) => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();

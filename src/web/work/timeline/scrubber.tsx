import { useEffect, useMemo, useRef } from 'preact/hooks';
import { eventLaneOf, type TimelineLane } from '../../../core/model/event-traits.ts';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { onThemeChange, resolveCssColor } from '../../parts/colour.ts';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { t } from '../../text/text.ts';
import { eventNameOf } from './event-name.ts';
import { timelineLanes, toTimelineColumns } from './lanes.ts';
import type { ReplayPlayer } from './player.ts';

const maxColumns = 240;
const laneHeight = 14;
const kinds: TimelineLane[] = [];

/** Lanes of the events so far. Recomputed if the log was read again from its start. */
function kindsSoFar(count: number): readonly TimelineLane[] {
  if (count < kinds.length || (count > 0 && kinds.length > 0 && readFor !== sessionEvents[0])) kinds.length = 0;
  readFor = sessionEvents[0];
  for (let at = kinds.length; at < count; at++)
    kinds.push(eventLaneOf(sessionEvents[at] as (typeof sessionEvents)[number]));
  return kinds;
}
let readFor: (typeof sessionEvents)[number] | undefined;

export function TimelineScrubber({ player }: { player: ReplayPlayer }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const count = sessionEventCount.value;
  const shown = player.shown.value;
  const columns = useMemo(() => toTimelineColumns(kindsSoFar(count), maxColumns), [count]);
  useEffect(() => {
    const node = canvas.current;
    return node ? onThemeChange(() => draw(node, columns, count === 0 ? 0 : shown / count)) : undefined;
  });
  const seek = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    player.pause();
    player.seek(Math.round(((event.clientX - box.left) / box.width) * count));
  };
  const moves: Readonly<Record<string, () => void>> = {
    ArrowRight: () => player.step(1),
    ArrowLeft: () => player.step(-1),
    PageDown: () => void player.toCall(1),
    PageUp: () => void player.toCall(-1),
    Home: () => player.seek(0),
    End: () => player.toEnd(),
  };
  return (
    <div
      class="scrubber rigid"
      role="slider"
      tabIndex={0}
      aria-label={t('timeline.scrubber')}
      aria-valuemin={0}
      aria-valuemax={count}
      aria-valuenow={shown}
      aria-valuetext={t('timeline.place', {
        shown,
        count,
        type: player.current.value ? eventNameOf(player.current.value) : '',
      })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seek(event);
      }}
      onPointerMove={(event) => event.buttons > 0 && seek(event)}
      onKeyDown={(event) => {
        const move = moves[pressedKeyOf(event)];
        if (!move) return;
        event.preventDefault();
        move();
      }}
    >
      <canvas ref={canvas} height={timelineLanes.length * laneHeight} />
    </div>
  );
}

const colourOf: Readonly<Record<TimelineLane, string>> = {
  person: '--accent',
  model: '--syntax-title',
  tool: '--good',
  sandbox: '--quiet',
  problem: '--bad',
};

function draw(
  node: HTMLCanvasElement,
  columns: readonly { heights: Readonly<Record<TimelineLane, number>> }[],
  part: number,
) {
  const ratio = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = node;
  node.width = Math.round(width * ratio);
  node.height = Math.round(height * ratio);
  const pen = node.getContext('2d');
  if (!pen) return;
  pen.scale(ratio, ratio);
  const colours = timelineLanes.map((name) => resolveCssColor(node, colourOf[name]));
  const step = width / Math.max(columns.length, 1);
  const lane = height / timelineLanes.length;
  columns.forEach(({ heights }, at) => {
    timelineLanes.forEach((name, row) => {
      const filled = heights[name];
      if (filled === 0) return;
      pen.globalAlpha = (at + 1) / columns.length <= part + 1e-9 ? 1 : 0.35;
      pen.fillStyle = colours[row] as string;
      const tall = Math.max(4, filled * (lane - 3));
      pen.fillRect(at * step, (row + 1) * lane - tall, Math.max(1.5, step - 1), tall);
    });
  });
  pen.globalAlpha = 1;
  pen.fillStyle = resolveCssColor(node, '--text');
  pen.fillRect(Math.min(width - 2, Math.max(0, part * width - 1)), 0, 2, height);
}

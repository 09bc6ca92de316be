import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Event, Outputs } from '../../../client/types.ts';
import { eventLaneOf, type TimelineLane } from '../../../core/model/event-traits.ts';
import { ConversationItems } from '../../conversation/items.tsx';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { query } from '../../data/server.ts';
import type { Session } from '../../data/sessions.ts';
import { formatModelLabel } from '../../models/state.ts';
import { onThemeChange, resolveCssColor } from '../../parts/colour.ts';
import { findLocale, formatCount } from '../../parts/format.ts';
import { Button, IconButton } from '../../parts/kit/button.tsx';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import { LoadPlaceholder, useLoadedData } from '../../parts/kit/trouble.tsx';
import { notify } from '../../parts/notice.tsx';
import { pressedKeyOf } from '../../parts/pressed-key.ts';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { loadTemplates } from '../../sessions/templates.ts';
import { t } from '../../text/text.ts';
import { eventNameOf, formatEventLine } from './event-line.ts';
import { findTurnAt, type TimelineColumn, timelineLanes, toTimelineColumns } from './lanes.ts';
import { ReplayPlayer } from './player.ts';
import { replaySpeeds } from './replay.ts';

const part = signal<'replay' | 'events'>('replay');

export function TimelinePane({ session }: { session: Session }) {
  const [player] = useState(() => new ReplayPlayer());
  const count = sessionEventCount.value;
  useEffect(() => player.follow(), [count]);
  useEffect(() => () => player.pause(), []);
  useEffect(() => void loadTemplates().catch(() => {}), []);
  const shown = player.shown.value;
  const event = player.current.value;
  const turn = findTurnAt(sessionEvents, shown);
  return (
    <section class="timeline" aria-label={t('tab.timeline')}>
      <TimelineScrubber player={player} />
      <ul class="row wrap quiet small-text lanes">
        {timelineLanes.map((lane) => (
          <li key={lane} class="row">
            <span class="lane-dot" data-lane={lane} /> {t(`timeline.lane.${lane}`)}
          </li>
        ))}
      </ul>
      <Controls player={player} />
      <p class="row timeline-place rigid small-text figures" role="status">
        <strong>{t('timeline.at', { shown, count })}</strong>
        {event && (
          <span class="quiet">
            {new Date(event.ts).toLocaleTimeString(findLocale())} · {eventNameOf(event)}
          </span>
        )}
        <span class="fill" />
        <Button
          kind="quiet"
          label={t(turn === undefined ? 'timeline.noTurn' : 'timeline.seeModel')}
          disabled={turn === undefined}
          onClick={() => showDialog(<Seen sessionId={session.id} first={turn} />)}
        />
      </p>
      <div class="row work-bar border-bottom rigid">
        <SegmentedControl
          label={t('timeline.show')}
          value={part.value}
          options={[
            { value: 'replay', label: t('timeline.replay') },
            { value: 'events', label: t('events') },
          ]}
          onChange={(value) => {
            part.value = value;
          }}
        />
      </div>
      {part.value === 'events' && <EventList player={player} />}
      {part.value === 'replay' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <section class="timeline-replay scrolls fill" tabIndex={0} aria-label={t('timeline.replay')}>
          <ConversationItems model={player.model} sessionId={session.id} />
        </section>
      )}
    </section>
  );
}

function Controls({ player }: { player: ReplayPlayer }) {
  const isPlaying = player.isPlaying.value;
  const jump = (by: 1 | -1) => {
    if (!player.toCall(by)) notify(t('timeline.noCall'), 'wait');
  };
  return (
    <div class="row work-bar border-bottom rigid controls" role="toolbar" aria-label={t('timeline.replay')}>
      <IconButton icon="toStart" label={t('timeline.lastCall')} onClick={() => jump(-1)} />
      <IconButton icon="back" label={t('timeline.stepBack')} onClick={() => player.step(-1)} />
      <IconButton
        icon={isPlaying ? 'pause' : 'play'}
        label={t(isPlaying ? 'timeline.pause' : 'timeline.play')}
        onClick={() => (isPlaying ? player.pause() : player.play())}
      />
      <IconButton icon="chevron" label={t('timeline.step')} onClick={() => player.step(1)} />
      <IconButton icon="toEnd" label={t('timeline.nextCall')} onClick={() => jump(1)} />
      <SegmentedControl
        label={t('timeline.speed')}
        value={String(player.speed.value)}
        options={replaySpeeds.map((speed) => ({ value: String(speed), label: `${speed}×` }))}
        onChange={(value) => {
          player.speed.value = replaySpeeds.find((speed) => String(speed) === value) ?? 1;
        }}
      />
      <span class="fill" />
      <Button
        kind="quiet"
        label={t('timeline.live')}
        aria-pressed={player.isLive.value}
        onClick={() => player.toEnd()}
      />
    </div>
  );
}

function EventList({ player }: { player: ReplayPlayer }) {
  const count = sessionEventCount.value;
  const shown = player.shown.value;
  const event = player.current.value;
  return (
    <>
      <VirtualList
        class="event-list scrolls fill"
        label={t('events')}
        count={count}
        rowHeight={28}
        shown={shown - 1}
        row={(at) => {
          const one = sessionEvents[at] as Event;
          return (
            <div key={one.seq} role="listitem">
              <button
                type="button"
                class="row event-row full small-text"
                aria-current={at === shown - 1}
                data-later={at >= shown ? 'true' : undefined}
                onClick={() => {
                  player.pause();
                  player.seek(at + 1);
                }}
              >
                <span class="quiet event-seq figures">{one.seq}</span>
                <span class="lane-dot rigid" data-lane={eventLaneOf(one)} />
                <span class="mono rigid" title={one.type}>
                  {eventNameOf(one)}
                </span>
                <span class="cut quiet event-text">{formatEventLine(one)}</span>
              </button>
            </div>
          );
        }}
      />
      {event && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        <pre class="event-data scrolls tinted pre rigid" tabIndex={0} role="region" aria-label={t('timeline.content')}>
          {JSON.stringify(event.data, null, 2)}
        </pre>
      )}
    </>
  );
}

type SeenTurn = Outputs['sessions']['promptAt'];

/** Shows a request rebuilt from the log, and whether it provably equals the original. */
function Seen({ sessionId, first }: { sessionId: string; first: number | undefined }) {
  const [turn, setTurn] = useState(first);
  const request = { id: sessionId, ...(turn !== undefined && { turn }) };
  const { now: seen, problem, again } = useLoadedData(() => query('sessions.promptAt', request), [sessionId, turn]);
  const at = turn ?? seen?.turn ?? 1;
  return (
    <Dialog wide title={t('timeline.seen', { turn: at })}>
      <div class="row">
        <IconButton icon="back" label={t('timeline.turnBefore')} disabled={at <= 1} onClick={() => setTurn(at - 1)} />
        <IconButton icon="chevron" label={t('timeline.turnAfter')} onClick={() => setTurn(at + 1)} />
        {seen && (
          <span class="quiet">
            {formatModelLabel(seen.model)} · {t(seen.proved ? 'timeline.proved' : 'timeline.unproved')}
          </span>
        )}
      </div>
      {seen && problem === '' ? <Request seen={seen} /> : <LoadPlaceholder problem={problem} again={again} />}
    </Dialog>
  );
}

function Request({ seen: { request, sections } }: { seen: SeenTurn }) {
  const { messages, tools, note, hint } = request;
  return (
    <div class="seen grid">
      {sections.map(({ part, text }, at) => (
        <Part key={`${part} ${at}`} title={t('timeline.part', { part })} text={text} />
      ))}
      {sections.length === 0 && <Part title={t('timeline.instructions')} text={request.system} />}
      {tools.length > 0 && (
        <Part
          title={t('timeline.tools', { n: tools.length })}
          text={tools.map(({ name, description }) => `${name}\n    ${description}`).join('\n\n')}
        />
      )}
      {messages.map((message, at) => (
        <Part
          key={at}
          isOpen={at >= messages.length - 3}
          title={`${at + 1} · ${message.role}`}
          text={textOf(message)}
        />
      ))}
      {note !== undefined && <Part isOpen title={t('timeline.note')} text={note} />}
      {hint !== undefined && <Part isOpen title={t('timeline.note')} text={hint} />}
    </div>
  );
}

const Part = ({ title, text, isOpen = false }: { title: string; text: string; isOpen?: boolean }) => (
  <details class="box" open={isOpen}>
    <summary class="padded bold">
      {title} <span class="quiet">{t('timeline.chars', { count: formatCount(text.length) })}</span>
    </summary>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
    <pre class="border-top scrolls tinted pre" tabIndex={0} role="region" aria-label={title}>
      {text}
    </pre>
  </details>
);

function textOf(message: SeenTurn['request']['messages'][number]): string {
  const { role: _role, ...rest } = message;
  if ('text' in rest && typeof rest.text === 'string' && Object.keys(rest).length === 1) return rest.text;
  return JSON.stringify(rest, null, 2).replaceAll('\\n', '\n');
}

const maxColumns = 240;
const laneHeight = 14;
const kinds: TimelineLane[] = [];

function kindsSoFar(count: number): readonly TimelineLane[] {
  if (count < kinds.length || (count > 0 && kinds.length > 0 && readFor !== sessionEvents[0])) kinds.length = 0;
  readFor = sessionEvents[0];
  for (let at = kinds.length; at < count; at++)
    kinds.push(eventLaneOf(sessionEvents[at] as (typeof sessionEvents)[number]));
  return kinds;
}
let readFor: (typeof sessionEvents)[number] | undefined;

function TimelineScrubber({ player }: { player: ReplayPlayer }) {
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
  const moves: Readonly<Record<string, () => unknown>> = {
    ArrowRight: () => player.step(1),
    ArrowLeft: () => player.step(-1),
    PageDown: () => player.toCall(1),
    PageUp: () => player.toCall(-1),
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

function draw(node: HTMLCanvasElement, columns: readonly TimelineColumn[], part: number): void {
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

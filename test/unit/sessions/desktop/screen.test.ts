import { expect, test } from 'vitest';
import type { DesktopViewerOptions } from '../../../../src/sessions/api/desktop.ts';
import { DesktopViewerHub } from '../../../../src/sessions/desktop/screen.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { newSession } from '../../../support/stores/store.ts';

function opened() {
  const clock = manualClock(0);
  const screen = new DesktopViewerHub({
    id: newSession(),
    clock,
    maxViewers: 3,
    controlIdleMs: 60_000,
    shareControl: undefined,
    note: () => {},
  });
  const received: string[] = [];
  const viewer = (name: string, mayControl: boolean): DesktopViewerOptions => ({
    viewerId: name,
    mayControl,
    onControl: (driver) => void received.push(`${name} ${mayControl ? 'controls' : 'watches'}: ${driver}`),
  });
  return { screen, viewer, received };
}

test('a viewer that may only watch does not take the seat of the controller whose name it uses', () => {
  const { screen, viewer, received } = opened();
  const controller = screen.seat(viewer('ada', true), 'spare-1');
  screen.take('ada');
  const link = screen.seat(viewer('ada', false), 'spare-2');
  expect([controller.id, link.id, screen.viewers]).toEqual(['ada', 'spare-2', 2]);
  link[Symbol.dispose]();
  expect(screen.lease.driver).toBe('ada'); // the link's end is not the controller's
  received.length = 0;
  controller[Symbol.dispose]();
  expect([screen.lease.driver, screen.viewers]).toEqual([undefined, 0]);
});

test('a watcher under the name of a controller of another server gets another name', () => {
  const { screen, viewer } = opened();
  screen.lease.elsewhere('ada');
  expect([screen.seat(viewer('ada', false), 'spare').id, screen.lease.isElsewhere]).toEqual(['spare', true]);
});

test('a controller that connects again keeps its name and its control, also from a watcher that had the name first', () => {
  const { screen, viewer, received } = opened();
  const watcher = screen.seat(viewer('ada', false), 'spare-1');
  expect(watcher.id).toBe('ada');
  screen.seat(viewer('ada', true), 'spare-2');
  screen.take('ada');
  expect(screen.seat(viewer('ada', true), 'spare-3').id).toBe('ada');
  watcher[Symbol.dispose]();
  expect([screen.lease.driver, received]).toEqual(['ada', ['ada controls: ada']]);
});

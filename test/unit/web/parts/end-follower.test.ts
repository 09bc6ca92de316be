import { expect, test } from 'vitest';
import { AutoScroller } from '../../../../src/web/parts/end-follower.ts';

const view = (scrollTop: number, scrollHeight: number) => ({ scrollTop, scrollHeight, clientHeight: 500 });

let now = 0;
function atEnd(): AutoScroller {
  const end = new AutoScroller(() => now);
  end.scrolled(view(1_500, 2_000));
  return end;
}

test('content that grows by any height does not end the following', () => {
  const end = atEnd();
  end.scrolled(view(1_500, 9_000)); // reported for an earlier move, when an image has loaded below
  expect(end.follows).toBe(true);
});

test('content that shrinks above the view does not end the following', () => {
  const end = atEnd();
  end.scrolled(view(1_300, 1_900));
  expect(end.follows).toBe(true);
});

test('a move up that nobody made does not end the following, however late it is reported', () => {
  const end = atEnd();
  end.scrolled(view(600, 2_000));
  end.scrolled(view(400, 2_900));
  expect(end.follows).toBe(true);
  end.handled();
  now += 10_000; // a key pressed long ago
  end.scrolled(view(200, 2_900));
  expect(end.follows).toBe(true);
});

test('a scroll bar that is held counts for as long as it is held', () => {
  const end = atEnd();
  end.held();
  now += 60_000;
  end.scrolled(view(900, 2_000));
  expect(end.follows).toBe(false);
  end.follow();
  end.released();
  now += 60_000;
  end.scrolled(view(400, 2_000));
  expect(end.follows).toBe(true);
});

test('a person who scrolls up a little is left there', () => {
  const end = atEnd();
  end.handled();
  end.scrolled(view(1_460, 2_000));
  expect(end.follows).toBe(false);
  end.scrolled(view(1_460, 5_000));
  expect(end.follows).toBe(false);
});

test('a wheel that turns up counts even when the content shrinks in the same moment', () => {
  const end = atEnd();
  end.turnedUp(view(1_500, 2_000));
  end.scrolled(view(1_400, 1_990));
  expect(end.follows).toBe(false);
});

test('scrolling down close to the end follows it again', () => {
  const end = atEnd();
  end.handled();
  end.scrolled(view(200, 2_000));
  end.scrolled(view(900, 2_000));
  expect(end.follows).toBe(false);
  end.scrolled(view(1_400, 2_000));
  expect(end.follows).toBe(true);
});

test('a wheel that turns up at the top of a short conversation changes nothing', () => {
  const end = new AutoScroller();
  end.turnedUp(view(0, 500));
  expect(end.follows).toBe(true);
});

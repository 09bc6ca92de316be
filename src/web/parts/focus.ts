// The browser drops the focus when the focused element is removed, hidden or disabled.

const focusable =
  'a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, iframe, [contenteditable], [tabindex="0"]';
/** Grace period, in ms, during which components can move lost focus themselves. */
const graceMs = 120;
/** Maximum wait for a disabled control to become focusable again, in ms. */
const busyMs = 1_000;

let last: HTMLElement | undefined;
let positions: ReturnType<typeof positionsOf> = [];
let isByKeys = false;
let isWaiting = false;

/** Delay after which the page has drawn a change, in ms. */
const drawMs = 50;

export function focusWhenRendered(find: () => HTMLElement | null): void {
  const found = find();
  found?.focus();
  if (!found || document.activeElement !== found) setTimeout(() => find()?.focus(), drawMs);
}

/** Fields show their errors only after the next rendering. */
export const focusFirstInvalidField = (form: HTMLElement | null): void =>
  focusWhenRendered(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? null);

/** Moves lost focus back, or to the next control in the same part of the page. */
export function preserveFocus(): void {
  for (const type of ['keydown', 'pointerdown']) addEventListener(type, () => setInput(type), true);
  addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    last = target;
    positions = positionsOf(target);
  });
  new MutationObserver((records) => {
    if (!isByKeys || isWaiting || !last) return;
    // Ignores a streaming reply's many small changes, because `takesFocus` forces an expensive style computation.
    if (last.isConnected && records.every(({ type }) => type === 'childList')) return;
    if (takesFocus(last)) return;
    isWaiting = true;
    setTimeout(restore, graceMs, performance.now());
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled', 'hidden', 'class'] });
}

const takesFocus = (node: Element): boolean => node.isConnected && node.matches(focusable) && node.checkVisibility();

function setInput(type: string): void {
  isByKeys = type === 'keydown';
}

function restore(since: number): void {
  isWaiting = false;
  if (document.activeElement !== document.body || last === undefined) return;
  const mayReturn = last.isConnected && performance.now() - since < busyMs;
  if (takesFocus(last)) last.focus();
  else if (!mayReturn) findNeighbour()?.focus();
  else {
    isWaiting = true;
    setTimeout(restore, graceMs, since);
  }
}

/** `at`: index among the `siblings` in `parent` of the child that is or contains the focused element. */
function positionsOf(node: Element) {
  const found: { readonly parent: Element; readonly siblings: readonly Element[]; readonly at: number }[] = [];
  for (
    let child = node;
    child.parentElement && !child.matches('dialog, [role="tabpanel"], main, .settings > section');
  ) {
    const parent = child.parentElement;
    const siblings = [...parent.children];
    found.push({ parent, siblings, at: siblings.indexOf(child) });
    child = parent;
  }
  return found;
}

function findNeighbour(): HTMLElement | undefined {
  let before: HTMLElement | undefined;
  for (const { parent, siblings, at } of positions) {
    if (!parent.isConnected) continue;
    const children = [...parent.children];
    const after = children.slice(at).flatMap(listFocusable)[0];
    if (after) return after;
    // A form in place of a list is entered at its first field, not at its last button.
    const fresh = children.filter((child) => !siblings.includes(child)).flatMap(listFocusable)[0];
    if (fresh) return fresh;
    before ??= children.slice(0, at).flatMap(listFocusable).at(-1);
  }
  const top = positions.at(-1)?.parent;
  return before ?? (top instanceof HTMLElement ? top : undefined);
}

/** A `ref` for a field that appears in response to a user action. */
export const focusOnMount = (node: HTMLElement | null): void => node?.focus();
export const focusFirstButton = (node: HTMLElement | null): void => node?.querySelector('button')?.focus();

const listFocusable = (node: Element): HTMLElement[] =>
  [node, ...node.querySelectorAll(focusable)].filter(
    (one): one is HTMLElement =>
      one instanceof HTMLElement && takesFocus(one) && one.closest('[inert]') === null && !isUncheckedChoice(one),
  );

/** A focused unchecked choice would look chosen, and the space bar would choose it. */
const isUncheckedChoice = (one: HTMLElement): boolean =>
  one.matches('[type="radio"]:not(:checked)') && one.closest('fieldset')?.querySelector(':checked') != null;

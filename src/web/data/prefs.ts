import { effect, type Signal, signal } from '@preact/signals';

const prefix = 'corral.';

function stored(key: string): string | null {
  try {
    return localStorage.getItem(prefix + key);
  } catch {
    return null;
  }
}

export function storePref(key: string, value: string | undefined): void {
  try {
    if (value === undefined || value === '') localStorage.removeItem(prefix + key);
    else localStorage.setItem(prefix + key, value);
  } catch {
    // Storage is full or forbidden, so the preference lasts only until a reload.
  }
}

export const readPref = (key: string): string => stored(key) ?? '';

/** `allowed` validates a value stored by an older version of the page. */
export function createPref<Value extends string | number>(
  key: string,
  initial: Value,
  allowed: (value: Value) => boolean = () => true,
): Signal<Value> {
  const found = stored(key);
  const value = found === null ? initial : ((typeof initial === 'number' ? Number(found) : found) as Value);
  const created = signal<Value>(allowed(value) ? value : initial);
  effect(() => storePref(key, String(created.value)));
  return created;
}

/** Also follows changes by other tabs or the embedding page. */
export function createSharedPref<Value extends string>(
  key: string,
  initial: Value,
  allowed: (value: Value) => boolean,
) {
  const created = createPref(key, initial, allowed);
  addEventListener('storage', (event) => {
    const value = (event.newValue ?? initial) as Value;
    if (event.key === prefix + key && allowed(value)) created.value = value;
  });
  return created;
}

export type Theme = 'system' | 'light' | 'dark';
export const theme = createSharedPref<Theme>('theme', 'system', (value) => ['system', 'light', 'dark'].includes(value));
export const isDarkTheme = (): boolean =>
  theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);

/** Width in pixels, or 0 if the pane is closed. */
export const workPaneWidth = createPref<number>('pane', 460, (value) => value >= 0 && value < 2_000);

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

import { effect } from '@preact/signals';
import { theme } from '../data/prefs.ts';

/** Canvases and xterm do not accept `var()`. */
export function resolveCssColor(place: Element, property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function onThemeChange(draw: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', draw);
  const end = effect(() => {
    theme.value;
    draw();
  });
  return () => {
    system.removeEventListener('change', draw);
    end();
  };
}

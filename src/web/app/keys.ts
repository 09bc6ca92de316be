import { pressedKey } from '../parts/pressed-key.ts';
import { commands } from './commands.ts';
import { isMenuOpen } from './layout.ts';
import { isPaletteOpen } from './palette-state.ts';

const pressed = (event: KeyboardEvent): string =>
  [
    event.ctrlKey || event.metaKey ? 'mod+' : '',
    event.altKey ? 'alt+' : '',
    // With alt, some keyboards write other signs, so the place of the key counts.
    event.altKey && /^Key[A-Z]$/.test(event.code) ? event.code.slice(3).toLowerCase() : pressedKey(event).toLowerCase(),
  ].join('');

export function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    const keys = pressed(event);
    if (keys === 'mod+k') {
      event.preventDefault();
      isPaletteOpen.value = !isPaletteOpen.value;
      return;
    }
    if (pressedKey(event) === 'Escape' && isMenuOpen.value) isMenuOpen.value = false;
    if (document.querySelector('dialog[open]')) return;
    const command = commands().find((one) => one.keys === keys);
    if (!command) return;
    event.preventDefault();
    command.run();
  });
}

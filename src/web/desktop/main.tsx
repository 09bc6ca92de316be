import './desktop.css';
import { render } from 'preact';
import { takeToken } from '../data/token.ts';
import { isFramed, isInPane, linkSignature } from './address.ts';
import { handleDesktopKeys } from './keys.ts';
import { DesktopPage } from './page.tsx';
import { desktopControl, isWatching, rfb } from './state.ts';

/** Ctrl+Alt+Shift leaves the screen. noVNC first releases all keys, because they would stay pressed. */
function leaveScreen(event: KeyboardEvent): void {
  if (!(event.ctrlKey && event.altKey && event.shiftKey) || document.activeElement?.tagName !== 'CANVAS') return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dispatchEvent(new Event('blur'));
  (document.getElementById('control') ?? document.getElementById('back'))?.focus();
}

takeToken();
document.body.classList.toggle('framed', isFramed);
document.body.classList.toggle('pane', isInPane);
// Keeps the signature out of the history.
if (linkSignature) history.replaceState(null, '', location.pathname);
addEventListener('keydown', leaveScreen, true);
handleDesktopKeys(() =>
  rfb.value && !isWatching() ? { rfb: rfb.value, clipboard: desktopControl.value.clipboard } : undefined,
);
const root = document.getElementById('root');
if (root) render(<DesktopPage />, root);

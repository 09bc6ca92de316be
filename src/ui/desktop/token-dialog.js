import { el } from './dom.js';
import { keepToken } from './token.js';

/**
 * Asks for the token, keeps it, and resolves with it; undefined when the user closes the dialog. `refused`: the invalid
 * token that was tried, if any.
 */
export function askToken(refused) {
  const title = refused ? 'That token is not valid' : 'This server asks for a token';
  const field = el('input', { type: 'password', autocomplete: 'off', 'aria-label': 'Token', required: true });
  const dialog = el(
    'dialog',
    { 'aria-label': title },
    el('h2', { textContent: title }),
    el('p', {
      textContent:
        'It is the value of CORRAL_TOKEN, a key that an administrator made, or in the link that the server printed ' +
        'when it started for the first time.',
    }),
    el(
      'form',
      { method: 'dialog', className: 'choices' },
      field,
      el('button', { className: 'button primary', type: 'submit', textContent: 'Open' }),
    ),
  );
  const { promise, resolve } = Promise.withResolvers();
  dialog.addEventListener('close', () => {
    const given = field.value.trim();
    dialog.remove();
    if (given) keepToken(given);
    resolve(given);
  });
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}

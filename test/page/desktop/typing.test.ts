// @module-tag all
import { expect, test } from 'vitest';
import { browse } from '../../support/clients/browser.ts';
import { cdp } from '../../support/clients/cdp.ts';
import { testServer } from '../../support/clients/http.ts';
import { realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { needs } from '../../support/servers/components.ts';

// A person's keyboard, noVNC in a real browser, the relay, and the daemon's Xvnc with a real Chromium on it.

const field = `data:text/html;charset=utf-8,${encodeURIComponent(
  '<!doctype html><meta charset=utf-8><textarea id=t style="position:fixed;inset:0;width:100%;height:100%" autofocus></textarea>',
)}`;
/** Each text has characters that a US keyboard lacks; together they exceed the display's spare keys. */
const texts = [
  'schön, École, ñandú, łódź, Ærø, İstanbul, ệ',
  'привет, Съешь же ещё этих мягких французских булок, їґє',
  'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία',
  'שלום עולם مرحبا بالعالم پچگ',
  '你好，世界。日本語のテキスト 안녕하세요 세계',
  'สวัสดี नमस्ते გამარჯობა',
  '€ “x” – … → ✓ 👍🏽 👩‍💻 🇺🇦 🤖',
];

test('a person types, pastes and uses an input method in every script', async (context) => {
  await needs(context, 'desktop');
  await using box = await realSandboxd({ CORRAL_DESKTOP_CLIPBOARD: 'true' });
  await using server = await testServer();
  server.others.desktop.client = box.client.desktop;
  const never = new AbortController().signal;
  const { evaluate } = await cdp(await box.client.desktop.cdp(never)).page(field);
  await expect.poll(() => evaluate('document.hasFocus() && document.activeElement.id')).toBe('t');
  const taken = async (text: string) => {
    await expect.poll(() => evaluate('t.value')).toBe(text);
    await evaluate('t.value = ""');
  };

  const { page, context: profile } = await browse(context, { width: 1280, height: 800 });
  await profile.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`${server.url}/sessions/${await server.newSession()}/desktop`);
  await page.getByRole('button', { name: 'Take control' }).click();
  await page.getByText('You have control').waitFor({ state: 'attached' });
  await page.locator('#screen canvas').focus();
  const keyboard = await profile.newCDPSession(page);
  const key = (kind: string, more: object) => keyboard.send('Input.dispatchKeyEvent', { type: kind, ...more } as never);
  for (const text of texts) {
    for (const character of text) {
      for (const kind of ['keyDown', 'keyUp']) await key(kind, { key: character, text: character });
    }
    await taken(text);
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.keyboard.press('Control+v');
    await taken(text);
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await keyboard.send('Input.imeSetComposition', { text, selectionStart: 0, selectionEnd: 0 });
    await keyboard.send('Input.insertText', { text });
    await taken(text);
    await page.locator('#screen canvas').focus();
  }

  // Ctrl+A on a Russian keyboard
  await evaluate('t.value = "x"');
  await page.keyboard.down('Control');
  for (const kind of ['keyDown', 'keyUp']) await key(kind, { key: 'ф', code: 'KeyA', modifiers: 2 });
  await page.keyboard.up('Control');
  await page.keyboard.press('y');
  await taken('y');
});

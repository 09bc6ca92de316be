// @module-tag all
import { expect, type TestContext, test } from 'vitest';
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

/** A server, and a desktop whose browser shows the field. */
async function seat() {
  await using stack = new AsyncDisposableStack();
  const box = stack.use(await realSandboxd({ CORRAL_DESKTOP_CLIPBOARD: 'true' }));
  const server = stack.use(await testServer());
  server.others.desktop.client = box.client.desktop;
  const never = new AbortController().signal;
  const { evaluate } = await cdp(await box.client.desktop.cdp(never)).page(field);
  await expect.poll(() => evaluate('document.hasFocus() && document.activeElement.id')).toBe('t');
  const held = stack.move();
  return {
    evaluate,
    async taken(text: string) {
      await expect.poll(() => evaluate('t.value')).toBe(text);
      await evaluate('t.value = ""');
    },
    /** A page on this platform, in control of the desktop. */
    async open(context: TestContext, platform = 'Linux x86_64') {
      const { page, context: profile } = await browse(context, { width: 1280, height: 800 });
      await page.addInitScript(`Object.defineProperty(navigator, 'platform', { get: () => '${platform}' })`);
      await page.goto(`${server.url}/sessions/${await server.newSession()}/desktop`);
      await page.getByRole('button', { name: 'Take control' }).click();
      await page.getByText('You have control').waitFor({ state: 'attached' });
      await page.locator('#screen canvas').focus();
      const keyboard = await profile.newCDPSession(page);
      const send = (event: object) => keyboard.send('Input.dispatchKeyEvent', event as never);
      const key = async (kind: 'keyDown' | 'keyUp', [name, code, location = 0, modifiers = 0]: Key) => {
        const [own = '', composed] = name.replace('␣', ' ').split('⇒');
        const event = { key: own, code, location, modifiers };
        const isText = composed === undefined && [...own].length === 1;
        const down = isText ? { type: kind, text: own } : { type: 'rawKeyDown' };
        await send({ ...event, ...(kind === 'keyDown' ? down : { type: kind }) });
        if (kind === 'keyDown' && composed) await send({ ...event, type: 'char', key: composed, text: composed });
      };
      return { page, profile, keyboard, key };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test('a person types, pastes and uses an input method in every script', async (context) => {
  await needs(context, 'desktop');
  await using it = await seat();
  const { evaluate, taken } = it;
  const { page, profile, keyboard, key } = await it.open(context);
  await profile.grantPermissions(['clipboard-read', 'clipboard-write']);
  for (const text of texts) {
    for (const character of text) {
      for (const kind of ['keyDown', 'keyUp'] as const) await key(kind, [character, '']);
    }
    await taken(text);
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`);
    await page.keyboard.press('Control+v');
    await taken(text);
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await keyboard.send('Input.imeSetComposition', { text, selectionStart: 0, selectionEnd: 0 });
    await keyboard.send('Input.insertText', { text });
    await taken(text);
    await page.getByText('Press Ctrl+Alt+Shift to leave the desktop.').waitFor();
    await page.keyboard.press('Control+Alt+Shift');
    expect(await page.evaluate('document.activeElement.id')).toBe('control');
    await page.locator('#screen canvas').focus();
  }

  const viaField = page.getByRole('button', { name: 'Keyboard' });
  await viaField.click();
  expect(await viaField.getAttribute('aria-pressed')).toBe('true');
  await evaluate('t.value = "xyz"');
  await page.keyboard.press('Control+a');
  await page.keyboard.press('q');
  await taken('q');
  await viaField.click();
  expect(await viaField.getAttribute('aria-pressed')).toBe('false');
  await page.locator('#screen canvas').focus();

  // Ctrl+A on a Russian keyboard
  await evaluate('t.value = "x"');
  await page.keyboard.down('Control');
  for (const kind of ['keyDown', 'keyUp'] as const) await key(kind, ['ф', 'KeyA', 0, 2]);
  await page.keyboard.up('Control');
  await page.keyboard.press('y');
  await taken('y');
});

/** The key, its place on the keyboard, its location, and the modifiers that the browser reports with it. */
type Key = readonly [key: string, code: string, location?: number, modifiers?: number];
const keyOf = (word: string, ...more: readonly number[]): Key => {
  const at = word.lastIndexOf('@');
  return [word.slice(0, at), word.slice(at + 1), ...more] as unknown as Key;
};
const [shift, altGr, option] = [keyOf('Shift@ShiftLeft', 1), keyOf('AltGraph@AltRight', 2), keyOf('Alt@AltLeft', 1)];
const windowsAltGr = [keyOf('Control@ControlLeft', 1, 2), keyOf('AltGraph@AltRight', 2, 3)];
/**
 * Keys as browsers report them: what is held, then what is pressed, as `<key>@<place>`. `<key>⇒<text>`: the keypress event
 * has another text, or none.
 */
const layouts: readonly (readonly [platform: string, held: readonly Key[], pressed: string, text: string])[] = [
  ['Linux x86_64', [], 'Dead@Equal e⇒é@KeyE Dead@Equal Dead⇒´@Equal Dead@Backquote ␣⇒^@Space e@KeyE', 'é´^e'],
  [
    'Linux x86_64',
    [],
    'Dead@Equal é@KeyE Compose@ContextMenu e⇒@KeyE e⇒ə@KeyE z@KeyY -@Slash ß@Minus #@Backslash <@IntlBackslash',
    'éəz-ß#<',
  ],
  ['Linux x86_64', [], '&@Digit1 é@Digit2 a@KeyQ m@Semicolon', '&éam'],
  ['Linux x86_64', [shift], 'Ö@Semicolon "@Digit2 §@Digit3 /@Digit7 Ф@KeyA', 'Ö"§/Ф'],
  ['Linux x86_64', [altGr], '@@KeyQ {@Digit7 €@KeyE ż@KeyZ', '@{€ż'],
  ['Linux x86_64', [altGr, shift], 'Ł@KeyL', 'Ł'],
  ['Win32', windowsAltGr, '@@KeyQ €@KeyE ą@KeyA', '@€ą'],
  ['MacIntel', [option], '@@KeyL €@KeyE Dead@KeyU π@KeyP', '@€π'],
];

/** AltGr on Windows, and Option. */
const reported: Readonly<Record<string, number>> = { Win32: 3, MacIntel: 1 };

test('keys of other layouts arrive as their characters: dead keys, AltGr, Option', {
  tags: ['nightly'],
}, async (context) => {
  await needs(context, 'desktop');
  await using it = await seat();
  for (const platform of new Set(layouts.map(([name]) => name))) {
    const { page, key } = await it.open(context, platform);
    for (const [, held, pressed, text] of layouts.filter(([name]) => name === platform)) {
      for (const one of held) await key('keyDown', one);
      const modifiers = reported[platform] ?? 0;
      for (const word of pressed.split(' ')) {
        for (const kind of ['keyDown', 'keyUp'] as const) await key(kind, keyOf(word, 0, modifiers));
      }
      for (const one of held) await key('keyUp', one);
      await it.taken(text);
    }
    await page.close();
  }
});

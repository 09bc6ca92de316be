import type {
  ElementLocation,
  FoundElement,
  PageDocument,
  PageElement,
  PageNode,
  PageRoot,
  PageScan,
  PageTreeNode,
  PageWindow,
} from './page-types.ts';

// The functions below are sent to the browser as source, so they cannot use imports or module variables.

declare const document: PageDocument;
declare const window: PageWindow;
declare const getComputedStyle: (element: PageElement) => { display: string; overflowY: string };
declare const Event: new (type: string, options: object) => object;

export interface PageScanOptions {
  readonly withText: boolean;
  readonly maxElements: number;
  readonly maxNodes: number;
  readonly maxChars: number;
}

export function scanPage({ withText, maxElements, maxNodes, maxChars }: PageScanOptions): PageScan {
  window.corral ??= { ids: new WeakMap(), next: 1, document: String(Math.random()).slice(2), listed: [] };
  const own = window.corral;
  const interactive =
    'a[href],button,input:not([type=hidden]),select,textarea,summary,[role=button],[role=link],[role=checkbox],' +
    '[role=radio],[role=tab],[role=menuitem],[role=option],[role=switch],[role=combobox],[role=textbox],' +
    '[role=searchbox],[role=slider],[onclick],[contenteditable=""],[contenteditable=true],' +
    '[tabindex]:not([tabindex="-1"]),video[controls],audio[controls]';
  const skipped = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'SVG', 'HEAD', 'OBJECT', 'CANVAS']);
  const oneLine = (text: string | null | undefined, most = 100) => {
    const line = (text ?? '').slice(0, 2_000).replace(/\s+/g, ' ').trim();
    return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
  };
  // biome-ignore lint/performance/useDomNodeTextContent: hidden text must not be read
  const readText = ({ innerText }: PageElement) => oneLine(innerText);
  const shows = (element: PageElement) => {
    const { width, height } = element.getBoundingClientRect();
    if (width < 1 || height < 1) return false;
    return element.checkVisibility?.({ checkOpacity: true, checkVisibilityCSS: true }) ?? true;
  };
  const isSeen = (element: PageElement, root: PageRoot, dx: number, dy: number) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const left = Math.max(x, -dx, 0);
    const top = Math.max(y, -dy, 0);
    const right = Math.min(x + width, window.innerWidth - dx);
    const bottom = Math.min(y + height, window.innerHeight - dy);
    if (right - left < 1 || bottom - top < 1) return false;
    for (const [fx, fy] of [
      [0.5, 0.5],
      [0.1, 0.1],
      [0.9, 0.9],
      [0.1, 0.9],
      [0.9, 0.1],
    ] as const) {
      const hit = root.elementFromPoint(left + (right - left) * fx, top + (bottom - top) * fy);
      if (hit && (element.contains(hit) || hit.contains(element))) return true;
      for (let n = 0; hit && n < (element.labels?.length ?? 0); n++)
        if (element.labels?.[n]?.contains(hit)) return true;
    }
    return false;
  };
  const readLabel = (element: PageElement) => {
    const by = element.getAttribute('aria-labelledby')?.split(' ')[0];
    const naming = by ? element.ownerDocument.getElementById(by) : null;
    const label = element.labels?.[0];
    return oneLine(
      element.getAttribute('aria-label') ??
        (naming && readText(naming)) ??
        (label && readText(label)) ??
        element.getAttribute('title'),
    );
  };
  const describe = (element: PageElement): string => {
    const tag = element.tagName.toLowerCase();
    const label = readLabel(element);
    const off = element.disabled ? ', disabled' : '';
    if (tag === 'input' || tag === 'textarea') {
      const type = tag === 'textarea' ? 'text area' : (element.type ?? 'text');
      if (type === 'submit' || type === 'button' || type === 'reset')
        return `${oneLine(element.value) || label || type}${off}`;
      const name = label || oneLine(element.getAttribute('placeholder')) || oneLine(element.getAttribute('name'));
      if (type === 'checkbox' || type === 'radio')
        return `${name} (${type}, ${element.checked ? 'checked' : 'not checked'}${off})`.trim();
      const value = type === 'password' ? (element.value ? 'filled' : '') : oneLine(element.value);
      return `${name} (${type}${off})${value ? `: ${value}` : ''}`.trim();
    }
    if (tag === 'select') {
      const options: string[] = [];
      let chosen = '';
      for (let n = 0; n < (element.options?.length ?? 0); n++) {
        const option = element.options?.[n];
        if (option && n < 20) options.push(`${n}=${oneLine(option.text, 40)}`);
        if (option?.selected) chosen = oneLine(option.text, 40);
      }
      return `${label || oneLine(element.getAttribute('name'))} (choice of ${options.join(', ')}${off}): ${chosen}`.trim();
    }
    const role = element.getAttribute('role');
    const state = element.getAttribute('aria-checked') ?? element.getAttribute('aria-selected');
    const how = state === 'true' ? ' (selected)' : '';
    return `${readText(element) || label || oneLine(element.getAttribute('alt')) || role || ''}${how}${off}`;
  };

  const elements: FoundElement[] = [];
  const listed: PageElement[] = [];
  let more = 0;
  const collect = (root: PageRoot, dx: number, dy: number, depth: number) => {
    const all = root.querySelectorAll('*');
    for (let n = 0; n < all.length && n < 50_000; n++) {
      const element = all[n] as PageElement;
      if (element.shadowRoot && depth < 5) collect(element.shadowRoot, dx, dy, depth + 1);
      if (element.tagName === 'IFRAME' && depth < 5) {
        const inner = element.contentDocument;
        const { x, y } = element.getBoundingClientRect();
        if (inner && shows(element)) collect(inner, dx + x, dy + y, depth + 1);
        continue;
      }
      if (!element.matches(interactive) || !shows(element) || !isSeen(element, root, dx, dy)) continue;
      // Inside a link or button, keeps only links, buttons and form fields.
      const outer = element.closest('a[href],button');
      if (outer && outer !== element && !element.matches('a[href],button,input,select,textarea')) continue;
      if (listed.length >= maxElements) {
        more += 1;
        continue;
      }
      let id = own.ids.get(element);
      if (id === undefined) {
        id = own.next++;
        own.ids.set(element, id);
      }
      listed.push(element);
      elements.push({ id, tag: element.tagName.toLowerCase(), text: describe(element) });
    }
  };
  collect(document, 0, 0, 0);
  own.listed = listed;

  let nodes = 0;
  let chars = 0;
  let cut = false;
  const kept = new Set(['A', 'IMG', 'H1', 'H2', 'H3', 'H4', 'H5', 'H6', 'P', 'UL', 'OL', 'LI', 'TABLE', 'TR', 'TD', 'TH',
    'PRE', 'CODE', 'BLOCKQUOTE', 'STRONG', 'B', 'EM', 'I', 'BR', 'HR']); // biome-ignore format: a list
  const inline = /^(inline|contents|none)/;
  const walk = (node: PageNode, depth: number): PageTreeNode[] => {
    if (nodes++ > maxNodes || chars > maxChars || depth > 200) {
      cut = true;
      return [];
    }
    if (node.nodeType === 3) {
      const text = node.nodeValue ?? '';
      chars += text.length;
      return [text.slice(0, maxChars)];
    }
    if (node.nodeType !== 1) return [];
    const element = node as PageElement;
    const tag = element.tagName.toUpperCase();
    if (skipped.has(tag)) return [];
    if (element.checkVisibility && getComputedStyle(element).display !== 'contents') {
      if (!element.checkVisibility({ checkVisibilityCSS: true })) return [];
    }
    if (tag === 'INPUT' || tag === 'SELECT' || tag === 'TEXTAREA') return [`[${describe(element)}]`];
    const from = tag === 'IFRAME' ? (element.contentDocument?.body ?? null) : (element.shadowRoot ?? element);
    const children: PageTreeNode[] = [];
    const inner = from?.childNodes;
    for (let n = 0; inner && n < inner.length && !cut; n++) children.push(...walk(inner[n] as PageNode, depth + 1));
    if (tag === 'A') return [{ tag: 'a', to: element.href ?? '', inner: children }];
    if (tag === 'IMG') return [{ tag: 'img', inner: [oneLine(element.getAttribute('alt'))] }];
    if (kept.has(tag)) return [{ tag: tag.toLowerCase(), inner: children }];
    return inline.test(getComputedStyle(element).display) ? children : [{ tag: 'div', inner: children }];
  };
  const tree = withText && document.body ? walk(document.body, 0) : [];
  return {
    document: own.document,
    title: oneLine(document.title, 200),
    contentType: document.contentType,
    elements,
    more,
    tree,
    cut,
    scrollY: Math.round(window.scrollY),
    scrollHeight: document.documentElement?.scrollHeight ?? 0,
    width: window.innerWidth,
    height: window.innerHeight,
  };
}

export function locateElement({ index }: { index: number }): ElementLocation {
  const element = window.corral?.listed[index];
  if (!element?.isConnected) return { gone: true };
  element.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
  const { x, y, width, height } = element.getBoundingClientRect();
  if (width < 1 || height < 1) return { gone: true };
  let dx = 0;
  let dy = 0;
  for (
    let frame = element.ownerDocument.defaultView?.frameElement;
    frame;
    frame = frame.ownerDocument.defaultView?.frameElement
  ) {
    const at = frame.getBoundingClientRect();
    dx += at.x;
    dy += at.y;
  }
  const root = element.getRootNode();
  let over: PageElement | null = null;
  for (const [fx, fy] of [
    [0.5, 0.5],
    [0.2, 0.5],
    [0.8, 0.5],
    [0.1, 0.1],
    [0.9, 0.9],
  ] as const) {
    const px = x + width * fx;
    const py = y + height * fy;
    const hit = root.elementFromPoint(px, py);
    if (hit && (element.contains(hit) || hit.contains(element) || hit.closest('label')?.contains(element)))
      return { x: px + dx, y: py + dy, tag: element.tagName.toLowerCase(), type: element.type ?? '' };
    over ??= hit;
  }
  const text = (over?.textContent ?? '').replace(/\s+/g, ' ').trim().slice(0, 60);
  return { coveredBy: over ? `<${over.tagName.toLowerCase()}>${text}` : 'something else' };
}

/** `none`: why nothing was chosen. Fires `input` and `change` events. */
export function chooseOption({
  index,
  option,
}: {
  index: number;
  option: string;
}): { chosen: string } | { none: string } {
  const element = window.corral?.listed[index];
  if (!element?.isConnected) return { none: 'The element is gone.' };
  const options = element.options;
  if (!options)
    return {
      none: `Element ${index} is a <${element.tagName.toLowerCase()}>, which has no options; click it instead.`,
    };
  let at = -1;
  const names: string[] = [];
  for (let n = 0; n < options.length; n++) {
    const one = options[n];
    if (!one) continue;
    if (n < 50) names.push(`${n}=${one.text.trim()}`);
    if (at < 0 && (one.text.trim() === option || one.value === option || String(n) === option)) at = n;
  }
  if (at < 0) return { none: `There is no option ${JSON.stringify(option)}. There are: ${names.join(', ')}.` };
  element.focus();
  element.selectedIndex = at;
  element.dispatchEvent(new Event('input', { bubbles: true }));
  element.dispatchEvent(new Event('change', { bubbles: true }));
  return { chosen: options[at]?.text.trim() ?? '' };
}

/** Sets fields that are not typed into, such as dates. Returns false for all others. */
export function setElementValue({ index, text }: { index: number; text: string }): boolean {
  const element = window.corral?.listed[index];
  const untyped = /^(date|time|month|week|datetime-local|color|range)$/;
  if (element?.tagName !== 'INPUT' || !untyped.test(element.type ?? '')) return false;
  element.focus();
  element.value = text;
  element.dispatchEvent(new Event('input', { bubbles: true }));
  element.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}

export function scrollPage({ direction, distance }: { direction: 1 | -1; distance: 'screen' | 'end' }): boolean {
  const scrolls = (element: PageElement) =>
    element.scrollHeight > element.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(element).overflowY);
  let target = document.elementFromPoint(window.innerWidth / 2, window.innerHeight / 2);
  while (target && !scrolls(target)) target = target.parentElement;
  const element = target ?? document.scrollingElement ?? document.documentElement;
  const before = element.scrollTop;
  const page = Math.min(element.clientHeight, window.innerHeight) * 0.9;
  element.scrollTop = distance === 'end' ? (direction > 0 ? element.scrollHeight : 0) : before + direction * page;
  return element.scrollTop !== before;
}

/** Succeeds once the page's own code yields. */
export const pingPage = (): boolean => true;

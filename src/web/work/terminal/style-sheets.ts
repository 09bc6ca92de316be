// xterm writes rules into style elements and colours into style attributes, which the page's policy refuses. The elements
// that it makes here pass both on to what the policy permits: adopted style sheets, and the properties of elements.

interface SafeDocument extends Disposable {
  /** The page's document, whose new elements keep to the policy. */
  readonly document: Document;
  /** Runs `work`, in which the page's own document makes such elements too: xterm asks it for one of its sheets. */
  during(work: () => void): void;
}

/** Dispose it with the terminal. */
export function documentWithSheets(): SafeDocument {
  const own: CSSStyleSheet[] = [];
  const original = Document.prototype.createElement.bind(document) as (tag: string) => HTMLElement;
  const styleElement = () => {
    const element = original('span');
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    own.push(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
    return element;
  };
  const createElement = (tag: string) => {
    if (tag === 'style') return styleElement();
    const element = original(tag);
    const set = element.setAttribute.bind(element);
    element.setAttribute = (name, value) => {
      if (name === 'style') element.style.cssText = value;
      else set(name, value);
    };
    return element;
  };
  const handler: ProxyHandler<Document> = {
    get(target, name) {
      if (name === 'createElement') return createElement;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  };
  return {
    document: new Proxy(document, handler),
    during(work) {
      Object.defineProperty(document, 'createElement', { configurable: true, value: createElement });
      try {
        work();
      } finally {
        Reflect.deleteProperty(document, 'createElement');
      }
    },
    [Symbol.dispose]() {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !own.includes(sheet));
    },
  };
}

// DOM types, because the server is compiled without the DOM library.

export interface PageRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface PageNode {
  readonly nodeType: number;
  readonly nodeValue: string | null;
  readonly childNodes: ArrayLike<PageNode>;
}
export interface PageElement extends PageNode {
  readonly tagName: string;
  readonly isConnected: boolean;
  readonly isContentEditable?: boolean;
  readonly shadowRoot: PageRoot | null;
  readonly ownerDocument: PageDocument;
  readonly innerText?: string;
  readonly textContent: string | null;
  readonly type?: string;
  readonly checked?: boolean;
  readonly disabled?: boolean;
  readonly href?: string;
  readonly labels?: ArrayLike<PageElement> | null;
  readonly options?: ArrayLike<{ text: string; value: string; selected: boolean }>;
  readonly contentDocument?: PageDocument | null;
  value?: string;
  selectedIndex?: number;
  scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
  readonly parentElement: PageElement | null;
  getAttribute(name: string): string | null;
  getBoundingClientRect(): PageRect;
  getRootNode(): PageRoot;
  contains(other: PageNode | null): boolean;
  closest(selector: string): PageElement | null;
  matches(selector: string): boolean;
  checkVisibility?(options: object): boolean;
  scrollIntoView(options: object): void;
  focus(): void;
  select?(): void;
  dispatchEvent(event: object): boolean;
}
export interface PageRoot extends PageNode {
  querySelectorAll(selector: string): ArrayLike<PageElement>;
  elementFromPoint(x: number, y: number): PageElement | null;
  readonly host?: PageElement;
}
export interface PageDocument extends PageRoot {
  readonly body: PageElement | null;
  readonly documentElement: PageElement;
  readonly scrollingElement: PageElement | null;
  readonly title: string;
  readonly contentType: string;
  readonly defaultView: { readonly frameElement: PageElement | null } | null;
  getElementById(id: string): PageElement | null;
}
export interface PageWindow {
  readonly innerWidth: number;
  readonly innerHeight: number;
  readonly scrollY: number;
  /** Invisible to the page. */
  corral?: { ids: WeakMap<object, number>; next: number; document: string; listed: PageElement[] };
}

export type PageTreeNode = string | PageTreeElement;
export interface PageTreeElement {
  readonly tag: string;
  readonly to?: string;
  readonly inner: readonly PageTreeNode[];
}
export interface FoundElement {
  readonly id: number;
  readonly tag: string;
  readonly text: string;
}
export interface PageScan {
  readonly document: string;
  readonly title: string;
  readonly contentType: string;
  readonly elements: readonly FoundElement[];
  readonly more: number;
  readonly tree: readonly PageTreeNode[];
  readonly cut: boolean;
  readonly scrollY: number;
  readonly scrollHeight: number;
  readonly width: number;
  readonly height: number;
}
export type ElementLocation =
  | { readonly x: number; readonly y: number; readonly tag: string; readonly type: string }
  | { readonly gone: true }
  | { readonly coveredBy: string };
